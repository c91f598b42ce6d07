{{- /*
Every secret that a value names, by its key in the chart's own Secret: where its values are, the setting that it becomes,
whether secrets.generate makes it, and whether it may be left out. Takes root.
*/ -}}
{{- define "locution.secretTable" -}}
service-token: {path: secrets.serviceToken, setting: LOCUTION_SERVICE_TOKEN, generated: true}
session-key: {path: secrets.sessionKey, setting: LOCUTION_SESSION_KEY, generated: true, optional: true}
bootstrap-key: {path: secrets.bootstrapKey, setting: LOCUTION_BOOTSTRAP_KEY, generated: true, optional: true}
operator-key: {path: tests.operatorKey, setting: LOCUTION_BOOTSTRAP_KEY, optional: true}
development-key: {path: secrets.developmentKey, setting: LOCUTION_DEVELOPMENT_KEY, optional: true}
access-key: {path: s3.accessKey, setting: LOCUTION_S3_ACCESS_KEY, generated: {{ .Values.evaluation.s3.enabled }}, length: 20}
secret-key: {path: s3.secretKey, setting: LOCUTION_S3_SECRET_KEY, generated: {{ .Values.evaluation.s3.enabled }}}
gateway-url: {path: postgres.gateway, setting: LOCUTION_DATABASE_URL}
worker-url: {path: postgres.worker, setting: LOCUTION_DATABASE_URL}
registry-url: {path: postgres.registry, setting: LOCUTION_DATABASE_URL}
{{- end -}}

{{- /* One row of the table with its values, as JSON. Takes root and own, the key. */ -}}
{{- define "locution.secretEntry" -}}
{{- $row := get (include "locution.secretTable" .root | fromYaml) .own -}}
{{- $path := splitList "." $row.path -}}
{{- merge (dict "values" (get (get .root.Values (first $path)) (last $path))) $row | toJson -}}
{{- end -}}

{{- /*
Where a secret lies, as JSON with secret and key, or empty for one that may be left out. Takes root and own, its key in the
chart's own Secret.
*/ -}}
{{- define "locution.secretRef" -}}
{{- $entry := include "locution.secretEntry" . | fromJson -}}
{{- if $entry.values.existingSecret -}}
{{- dict "secret" $entry.values.existingSecret "key" $entry.values.key | toJson -}}
{{- else if include "locution.ownValue" . -}}
{{- dict "secret" (include "locution.ownSecret" .root) "key" .own | toJson -}}
{{- else if not $entry.optional -}}
{{- $hint := ternary "value, or secrets.generate" "value" (not (not $entry.generated)) -}}
{{- fail (printf "%s: set existingSecret (or, for evaluation, %s)" $entry.path $hint) -}}
{{- end -}}
{{- end -}}

{{- /* What the chart's own Secret holds of a secret: the given value, one that was generated, or nothing. Takes root and own. */ -}}
{{- define "locution.ownValue" -}}
{{- $entry := include "locution.secretEntry" . | fromJson -}}
{{- if $entry.values.existingSecret -}}
{{- else if $entry.values.value -}}
{{- include "locution.notPlaceholder" (dict "path" (printf "%s.value" $entry.path) "value" $entry.values.value) -}}
{{- else if and $entry.generated .root.Values.secrets.generate -}}
{{- include "locution.generated" (dict "root" .root "own" .own "length" (default 40 $entry.length)) -}}
{{- end -}}
{{- end -}}

{{- /* A value, unless it is one of those that the services refuse at start. Takes path and value; never shows the value. */ -}}
{{- define "locution.notPlaceholder" -}}
{{- if regexMatch "(?i)^(change-?_?me|replace-?me|example|your-|insecure)" .value -}}
{{- fail (printf "%s: is a placeholder, which the services refuse; give random characters (openssl rand -hex 32), or leave it empty and set secrets.generate" .path) -}}
{{- end -}}
{{- .value -}}
{{- end -}}

{{- /*
Random characters that stay: those that the cluster's Secret holds already, else new ones, the same all through one
rendering. Takes root, own and length.
*/ -}}
{{- define "locution.generated" -}}
{{- if not (hasKey .root.Values "generatedSecrets") -}}
{{- $_ := set .root.Values "generatedSecrets" dict -}}
{{- end -}}
{{- $known := .root.Values.generatedSecrets -}}
{{- if not (hasKey $known .own) -}}
{{- $kept := lookup "v1" "Secret" .root.Release.Namespace (include "locution.ownSecret" .root) | default dict -}}
{{- $value := get (default dict $kept.data) .own | b64dec -}}
{{- $_ := set $known .own (default (randAlphaNum (int .length)) $value) -}}
{{- end -}}
{{- get $known .own -}}
{{- end -}}

{{- /* Name of the Secret that the chart makes. */ -}}
{{- define "locution.ownSecret" -}}
{{ include "locution.fullname" . }}-evaluation
{{- end -}}

{{- /* Password of the Postgres inside the chart. */ -}}
{{- define "locution.evaluationPassword" -}}
{{- $given := .Values.evaluation.postgres.password -}}
{{- if $given -}}
{{- include "locution.notPlaceholder" (dict "path" "evaluation.postgres.password" "value" $given) -}}
{{- else if .Values.secrets.generate -}}
{{- include "locution.generated" (dict "root" . "own" "postgres-password" "length" 40) -}}
{{- else -}}
{{- fail "evaluation.postgres.password: set one, or secrets.generate" -}}
{{- end -}}
{{- end -}}

{{- /* URL of the Postgres inside the chart, for one of its roles. Takes root and role. */ -}}
{{- define "locution.evaluationDatabase" -}}
{{- $password := include "locution.evaluationPassword" .root -}}
{{- $host := include "locution.host" (dict "root" .root "name" "postgres") -}}
postgresql://{{ .role }}:{{ urlquery $password }}@{{ $host }}:5432/locution?sslmode=disable
{{- end -}}

{{- /* Where a schema's URL lies. Takes root and owner. */ -}}
{{- define "locution.databaseRef" -}}
{{- $own := printf "%s-url" .owner -}}
{{- if .root.Values.evaluation.postgres.enabled -}}
{{- dict "secret" (include "locution.ownSecret" .root) "key" $own | toJson -}}
{{- else -}}
{{- include "locution.secretRef" (dict "root" .root "own" $own) -}}
{{- end -}}
{{- end -}}

{{- /*
The secret settings of a component, as a JSON list of setting, secret and key. Takes root and facts. Each is mounted as a
file and named by <setting>_FILE, so that no secret is in a process's environment.
*/ -}}
{{- define "locution.secretSettings" -}}
{{- $root := .root -}}
{{- $table := include "locution.secretTable" $root | fromYaml -}}
{{- $found := list -}}
{{- with .facts.database -}}
{{- $at := include "locution.databaseRef" (dict "root" $root "owner" .) | fromJson -}}
{{- $found = append $found (merge (dict "setting" "LOCUTION_DATABASE_URL") $at) -}}
{{- end -}}
{{- with .facts.migrates -}}
{{- $owner := include "locution.migrationRef" (dict "root" $root "owner" .) -}}
{{- $setting := ternary "LOCUTION_MIGRATION_DATABASE_URL" "LOCUTION_DATABASE_URL" (not (not $owner)) -}}
{{- $at := default (include "locution.databaseRef" (dict "root" $root "owner" .)) $owner | fromJson -}}
{{- $found = append $found (merge (dict "setting" $setting) $at) -}}
{{- end -}}
{{- range $own := .facts.secrets -}}
{{- with include "locution.secretRef" (dict "root" $root "own" $own) -}}
{{- $found = append $found (merge (dict "setting" (get $table $own).setting) (fromJson .)) -}}
{{- end -}}
{{- end -}}
{{- dict "items" $found | toJson -}}
{{- end -}}

{{- /* Where the processes of a component find its secret settings, as a YAML map. Takes root and facts. */ -}}
{{- define "locution.secretFiles" -}}
{{- range (include "locution.secretSettings" . | fromJson).items }}
{{ .setting }}_FILE: /etc/locution/secrets/{{ .setting }}
{{- end }}
{{- end -}}

{{- /* Where the migrating role's URL lies, as JSON, or empty to migrate as the application role. Takes root and owner. */ -}}
{{- define "locution.migrationRef" -}}
{{- $entry := get .root.Values.postgres .owner -}}
{{- if .root.Values.evaluation.postgres.enabled -}}
{{- dict "secret" (include "locution.ownSecret" .root) "key" "migration-url" | toJson -}}
{{- else if and $entry.existingSecret $entry.migrationKey -}}
{{- dict "secret" $entry.existingSecret "key" $entry.migrationKey | toJson -}}
{{- end -}}
{{- end -}}
