{{- /*
What each component is, as against what an installation chooses (values.yaml): its module, the gRPC service whose health
makes it ready, the schema that it waits for and its role there, which secrets and settings it takes, who may call it, and
what of its work waits: kinds of stages, and the metric of audio that waits in its own pods.
*/ -}}
{{- define "locution.components" -}}
api:
  module: [locution_gateway, api]
  schema: gateway
  ready: locution.v1.JobService
  database: gateway
  uses: [objects, registry{{ if .Values.live.enabled }}, live{{ end }}]
  secrets: [service-token, access-key, secret-key, session-key, bootstrap-key, development-key]
  headless: false
  callers: []
worker:
  module: [locution_gateway, worker]
  schema: gateway
  ready: ""
  database: worker
  kinds: [decode, transcribe, diarize, cluster, join]
  uses: [objects, engines]
  secrets: [service-token, access-key, secret-key]
  headless: true
  callers: []
registry:
  module: [locution_registry, serve]
  schema: registry
  ready: locution.registry.v1.RegistryService
  database: registry
  uses: [models]
  secrets: [service-token]
  headless: true
  callers: [api, asr, diarizer]
asr:
  module: [locution_asr]
  ready: locution.engine.v1.AsrService
  kinds: [transcribe]
  waiting: locution_asr_queued_audio_seconds
  uses: [models, registry]
  secrets: [service-token]
  engine: true
  headless: true
  callers: [{{ if .Values.live.enabled }}api, {{ end }}worker]
diarizer:
  module: [locution_diarizer]
  ready: locution.engine.v1.DiarizerService
  kinds: [diarize, cluster]
  uses: [models, registry]
  secrets: [service-token]
  engine: true
  headless: true
  callers: [{{ if .Values.live.enabled }}api, {{ end }}worker]
{{- end -}}

{{- /*
What owns a schema: the module that migrates it, the component whose image holds that, and which URL of values leads to it.
*/ -}}
{{- define "locution.schemas" -}}
gateway: {module: locution_gateway, component: api}
registry: {module: locution_registry, component: registry}
{{- end -}}

{{- /* A component ready to be rendered, as JSON: its facts, and its values over the defaults. Takes root and name. */ -}}
{{- define "locution.component" -}}
{{- $facts := get (include "locution.components" .root | fromYaml) .name -}}
{{- $values := mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy (get .root.Values .name)) -}}
{{- dict "facts" $facts "values" $values | toJson -}}
{{- end -}}
