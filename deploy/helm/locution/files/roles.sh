psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
  --set=password="$(cat /etc/locution/secrets/password)" <<'SQL'
CREATE ROLE locution_api LOGIN PASSWORD :'password';
CREATE ROLE locution_worker LOGIN PASSWORD :'password';
CREATE ROLE locution_registry LOGIN PASSWORD :'password';
SQL
