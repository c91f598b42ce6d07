{{- /* The settings of a component that the chart decides, as a YAML map. Takes root, name, facts and values. */ -}}
{{- define "locution.settings" -}}
{{- $root := .root -}}
{{- $listen := $root.Values.listenHost -}}
LOCUTION_LISTEN: {{ printf "%s:50051" $listen | quote }}
LOCUTION_HEALTH_LISTEN: {{ printf "%s:50052" $listen | quote }}
LOCUTION_METRICS_LISTEN: {{ printf "%s:9090" $listen | quote }}
LOCUTION_LOG_LEVEL: {{ $root.Values.logLevel }}
LOCUTION_REFLECTION: {{ $root.Values.reflection | quote }}
LOCUTION_SHUTDOWN_DELAY: {{ .values.shutdown.delaySeconds | quote }}
LOCUTION_SHUTDOWN_GRACE: {{ .values.shutdown.graceSeconds | quote }}
{{- include "locution.secretFiles" . }}
{{- include "locution.tlsSettings" . }}
{{- if has "models" .facts.uses }}
LOCUTION_MODELS_ROOT: {{ $root.Values.models.mountPath }}
{{- end }}
{{- if has "registry" .facts.uses }}
LOCUTION_REGISTRY_ADDRESS: {{ include "locution.address" (dict "root" $root "name" "registry") }}
{{- end }}
{{- if or (has "engines" .facts.uses) (has "live" .facts.uses) }}
LOCUTION_ASR_ADDRESS: {{ include "locution.address" (dict "root" $root "name" "asr") }}
LOCUTION_DIARIZER_ADDRESS: {{ include "locution.address" (dict "root" $root "name" "diarizer") }}
{{- end }}
{{- if has "objects" .facts.uses }}
{{- include "locution.objectSettings" $root }}
{{- end }}
{{- end -}}

{{- define "locution.objectSettings" -}}
{{- $s3 := .Values.s3 }}
{{- if .Values.evaluation.s3.enabled }}
LOCUTION_S3_ENDPOINT: {{ include "locution.host" (dict "root" . "name" "s3") }}:9000
LOCUTION_S3_SECURE: "false"
{{- else }}
LOCUTION_S3_ENDPOINT: {{ required "s3.endpoint: set host:port (or evaluation.s3.enabled)" $s3.endpoint }}
LOCUTION_S3_SECURE: {{ $s3.secure | quote }}
{{- end }}
LOCUTION_S3_BUCKET: {{ $s3.bucket }}
LOCUTION_S3_REGION: {{ $s3.region }}
{{- end -}}

{{- /* Standard OpenTelemetry variables, as a YAML map. Takes root and name. */ -}}
{{- define "locution.telemetry" -}}
{{- $telemetry := .root.Values.telemetry -}}
OTEL_SERVICE_NAME: locution-{{ .name }}
{{- with $telemetry.otlpEndpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . }}
OTEL_EXPORTER_OTLP_PROTOCOL: {{ $telemetry.otlpProtocol }}
OTEL_TRACES_SAMPLER: {{ $telemetry.sampler }}
OTEL_TRACES_SAMPLER_ARG: {{ $telemetry.samplerArgument | quote }}
{{- end }}
{{- end -}}

{{- /* The environment of a component's container, sorted. Takes root, name, facts and values. */ -}}
{{- define "locution.environment" -}}
{{- $ours := include "locution.settings" . | fromYaml -}}
{{- range $name := keys .values.settings -}}
{{- if or (hasKey $ours $name) (hasKey $ours (printf "%s_FILE" $name)) -}}
{{- fail (printf "%s.settings.%s: the chart sets this itself, from another value" $.name $name) -}}
{{- end -}}
{{- end -}}
{{- $fixed := dict "HOME" "/tmp" "TMPDIR" "/tmp" -}}
{{- if .facts.engine -}}
{{- $fixed = merge $fixed (dict "HF_HUB_OFFLINE" "1" "ORT_DISABLE_TELEMETRY" "1" "PYANNOTE_METRICS_ENABLED" "0") -}}
{{- end -}}
{{- $all := merge $ours (include "locution.telemetry" . | fromYaml) .values.settings $fixed .root.Values.extraEnv -}}
{{- range $name := keys $all | sortAlpha }}
- name: {{ $name }}
  value: {{ get $all $name | quote }}
{{- end }}
{{- end -}}
