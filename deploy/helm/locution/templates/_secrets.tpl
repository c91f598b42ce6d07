{{- /*
Where a secret lies, as JSON with secret and key, or empty. Takes root, entry (existingSecret, key, value), own (its key in
the chart's own Secret), path (of the values, for the complaint) and optional.
*/ -}}
{{- define "locution.secretRef" -}}
{{- if .entry.existingSecret -}}
{{- dict "secret" .entry.existingSecret "key" .entry.key | toJson -}}
{{- else if .entry.value -}}
{{- dict "secret" (include "locution.ownSecret" .root) "key" .own | toJson -}}
{{- else if not .optional -}}
{{- fail (printf "%s: set existingSecret (or, for evaluation, value)" .path) -}}
{{- end -}}
{{- end -}}

{{- /* Name of the Secret that the chart makes from values. */ -}}
{{- define "locution.ownSecret" -}}
{{ include "locution.fullname" . }}-evaluation
{{- end -}}

{{- /* URL of the Postgres inside the chart. */ -}}
{{- define "locution.evaluationDatabase" -}}
{{- $password := required "evaluation.postgres.password: set one" .Values.evaluation.postgres.password -}}
{{- $host := include "locution.host" (dict "root" . "name" "postgres") -}}
postgresql://locution:{{ urlquery $password }}@{{ $host }}:5432/locution?sslmode=disable
{{- end -}}

{{- /* Where a schema's URL lies. Takes root and owner. */ -}}
{{- define "locution.databaseRef" -}}
{{- $own := printf "%s-url" .owner -}}
{{- if .root.Values.evaluation.postgres.enabled -}}
{{- dict "secret" (include "locution.ownSecret" .root) "key" $own | toJson -}}
{{- else -}}
{{- $path := printf "postgres.%s" .owner -}}
{{- include "locution.secretRef" (dict "root" .root "entry" (get .root.Values.postgres .owner) "own" $own "path" $path) -}}
{{- end -}}
{{- end -}}

{{- /*
The secret settings of a component, as a JSON list of setting, secret and key. Takes root and facts. Each is mounted as a
file and named by <setting>_FILE, so that no secret is in a process's environment.
*/ -}}
{{- define "locution.secretSettings" -}}
{{- $root := .root -}}
{{- $list := list (dict "setting" "LOCUTION_SERVICE_TOKEN" "at" (include "locution.secretRef" (dict "root" $root "entry" $root.Values.secrets.serviceToken "own" "service-token" "path" "secrets.serviceToken"))) -}}
{{- with .facts.database -}}
{{- $list = append $list (dict "setting" "LOCUTION_DATABASE_URL" "at" (include "locution.databaseRef" (dict "root" $root "owner" .))) -}}
{{- end -}}
{{- if has "objects" .facts.uses -}}
{{- $list = append $list (dict "setting" "LOCUTION_S3_ACCESS_KEY" "at" (include "locution.secretRef" (dict "root" $root "entry" $root.Values.s3.accessKey "own" "access-key" "path" "s3.accessKey"))) -}}
{{- $list = append $list (dict "setting" "LOCUTION_S3_SECRET_KEY" "at" (include "locution.secretRef" (dict "root" $root "entry" $root.Values.s3.secretKey "own" "secret-key" "path" "s3.secretKey"))) -}}
{{- end -}}
{{- if has "developmentKey" .facts.uses -}}
{{- $list = append $list (dict "setting" "LOCUTION_DEVELOPMENT_KEY" "at" (include "locution.secretRef" (dict "root" $root "entry" $root.Values.secrets.developmentKey "own" "development-key" "path" "secrets.developmentKey" "optional" true))) -}}
{{- end -}}
{{- $found := list -}}
{{- range $list -}}
{{- if .at -}}{{- $found = append $found (merge (dict "setting" .setting) (.at | fromJson)) -}}{{- end -}}
{{- end -}}
{{- dict "items" $found | toJson -}}
{{- end -}}

{{- /* Where the migrating role's URL lies, as JSON, or empty to migrate as the application role. Takes root and owner. */ -}}
{{- define "locution.migrationRef" -}}
{{- $entry := get .root.Values.postgres .owner -}}
{{- if and $entry.existingSecret $entry.migrationKey (not .root.Values.evaluation.postgres.enabled) -}}
{{- dict "secret" $entry.existingSecret "key" $entry.migrationKey | toJson -}}
{{- end -}}
{{- end -}}
