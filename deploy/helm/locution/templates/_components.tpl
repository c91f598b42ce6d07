{{- /*
What each component is, as against what an installation chooses (values.yaml): its module, the gRPC service whose health
makes it ready, which secrets and settings it takes, who may call it, and whether it migrates a schema.
*/ -}}
{{- define "locution.components" -}}
api:
  module: [locution_gateway, api]
  migrate: [locution_gateway, migrate]
  ready: locution.v1.JobService
  database: gateway
  uses: [objects, registry{{ if .Values.live.enabled }}, live{{ end }}]
  secrets: [service-token, access-key, secret-key, session-key, bootstrap-key, development-key]
  headless: false
  callers: []
worker:
  module: [locution_gateway, worker]
  migrate: [locution_gateway, migrate]
  ready: ""
  database: worker
  uses: [objects, engines]
  secrets: [service-token, access-key, secret-key]
  headless: true
  callers: []
registry:
  module: [locution_registry, serve]
  migrate: [locution_registry, migrate]
  ready: locution.registry.v1.RegistryService
  database: registry
  uses: [models]
  secrets: [service-token]
  headless: true
  callers: [api, asr, diarizer]
asr:
  module: [locution_asr]
  ready: locution.engine.v1.AsrService
  uses: [models, registry]
  secrets: [service-token]
  engine: true
  headless: true
  callers: [{{ if .Values.live.enabled }}api, {{ end }}worker]
diarizer:
  module: [locution_diarizer]
  ready: locution.engine.v1.DiarizerService
  uses: [models, registry]
  secrets: [service-token]
  engine: true
  headless: true
  callers: [{{ if .Values.live.enabled }}api, {{ end }}worker]
{{- end -}}

{{- /* A component ready to be rendered, as JSON: its facts, and its values over the defaults. Takes root and name. */ -}}
{{- define "locution.component" -}}
{{- $facts := get (include "locution.components" .root | fromYaml) .name -}}
{{- $values := mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (get .root.Values .name)) -}}
{{- dict "facts" $facts "values" $values | toJson -}}
{{- end -}}
