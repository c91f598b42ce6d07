{{- define "locution.image" -}}
{{- $image := .root.Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end }}{{ .values.image.repository }}:{{ default .root.Chart.AppVersion $image.tag }}
{{- end -}}

{{- /* Who every pod of ours is; what is null, the cluster chooses. */ -}}
{{- define "locution.podSecurity" -}}
runAsNonRoot: true
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with get $ $key }}
{{ $key }}: {{ . }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* What no container may do. */ -}}
{{- define "locution.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /*
Seconds from SIGTERM to SIGKILL: the wait for endpoints, the grace for calls, the same grace for background work (both in
locution_common.service), and 15 s to flush telemetry and close. Takes shutdown values.
*/ -}}
{{- define "locution.gracePeriod" -}}
{{- add (int .delaySeconds) (mul 2 (int .graceSeconds)) 15 -}}
{{- end -}}

{{- /* A gRPC probe, of the port of health, which never has TLS: probes speak none. Takes service and times. */ -}}
{{- define "locution.probe" -}}
grpc:
  port: 50052
  service: {{ .service | quote }}
periodSeconds: {{ .times.periodSeconds }}
timeoutSeconds: {{ .times.timeoutSeconds }}
failureThreshold: {{ .times.failureThreshold }}
{{- end -}}

{{- /* Volumes of a component. Takes root, facts and values. */ -}}
{{- define "locution.volumes" -}}
- name: secrets
  projected:
    defaultMode: 288 # 0440: the user reads by group
    {{- $secrets := (include "locution.secretSettings" . | fromJson).items }}
    sources: {{ if not $secrets }}[]{{ end }}
      {{- range $secrets }}
      - secret:
          name: {{ .secret }}
          items:
            - {key: {{ .key }}, path: {{ .setting }}}
      {{- end }}
- name: scratch
  emptyDir:
    sizeLimit: {{ .values.scratch.sizeLimit }}
    {{- with .values.scratch.medium }}
    medium: {{ . }}
    {{- end }}
{{- if has "models" .facts.uses }}
- name: models
  persistentVolumeClaim:
    claimName: {{ include "locution.modelsClaim" .root }}
    {{- if .root.Values.models.readOnlyVolume }}
    readOnly: true
    {{- end }}
{{- end }}
{{- include "locution.tlsVolumes" . }}
{{- with .values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /*
The claim of the models. Pods mount it read-only, but ask for a writable volume: else Kubernetes would not give it to the
group of fsGroup, and nobody but root could write to it once an engine came first.
*/ -}}
{{- define "locution.modelsClaim" -}}
{{ default (printf "%s-models" (include "locution.fullname" .)) .Values.models.existingClaim }}
{{- end -}}

{{- define "locution.mounts" -}}
- {name: secrets, mountPath: /etc/locution/secrets, readOnly: true}
- {name: scratch, mountPath: /tmp}
{{- if has "models" .facts.uses }}
- {name: models, mountPath: {{ .root.Values.models.mountPath }}, readOnly: true}
{{- end }}
{{- include "locution.tlsMounts" . }}
{{- with .values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* What must have happened before a component starts. Takes root, name, facts and values. */ -}}
{{- define "locution.initContainers" -}}
{{- if and .root.Values.evaluation.s3.enabled (eq .name "api") }}
{{- $command := list "python" "-c" (.root.Files.Get "files/make_bucket.py") }}
{{- $settings := include "locution.objectSettings" .root | fromYaml }}
{{- range list "LOCUTION_S3_ACCESS_KEY" "LOCUTION_S3_SECRET_KEY" }}
{{- $_ := set $settings (printf "%s_FILE" .) (printf "/etc/locution/secrets/%s" .) }}
{{- end }}
{{ include "locution.step" (merge (dict "step" "make-bucket" "command" $command "settings" $settings) .) }}
{{- end }}
{{- with .facts.schema }}
{{- $command := list "python" "-m" (get (include "locution.schemas" $.root | fromYaml) .).module "await-schema" }}
{{- $settings := dict "LOCUTION_DATABASE_URL_FILE" "/etc/locution/secrets/LOCUTION_DATABASE_URL" "LOCUTION_MIGRATION_WAIT" $.root.Values.migrations.wait }}
{{ include "locution.step" (merge (dict "step" "await-schema" "command" $command "settings" $settings) $) }}
{{- end }}
{{- end -}}

{{- /* A container that does one thing and ends. Takes root, values, step, command, settings, and what it mounts more. */ -}}
{{- define "locution.step" -}}
{{- $settings := merge .settings (pick .values.settings "LOCUTION_ENVIRONMENT") -}}
- name: {{ .step }}
  image: {{ include "locution.image" . }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command:
    {{- toYaml .command | nindent 4 }}
  env:
    {{- range $name := keys $settings | sortAlpha }}
    - name: {{ $name }}
      value: {{ get $settings $name | quote }}
    {{- end }}
    {{- range $name := keys .root.Values.extraEnv | sortAlpha }}
    - name: {{ $name }}
      value: {{ get $.root.Values.extraEnv $name | quote }}
    {{- end }}
  securityContext:
    {{- include "locution.containerSecurity" . | nindent 4 }}
  resources:
    {{- toYaml .values.resources | nindent 4 }}
  volumeMounts:
    - {name: secrets, mountPath: /etc/locution/secrets, readOnly: true}
    - {name: scratch, mountPath: /tmp}
    {{- with .mount }}
    - {{ toJson . }}
    {{- end }}
    {{- with .values.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- /* Requests and limits, the GPU among them. */ -}}
{{- define "locution.resources" -}}
{{- $resources := deepCopy .resources -}}
{{- if .gpu.enabled -}}
{{- $gpu := dict .gpu.resource (.gpu.count | int) -}}
{{- $resources = mergeOverwrite (dict "limits" dict) $resources (dict "limits" $gpu) -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{- /* A component's pods keep off each other's nodes, unless values say otherwise. */ -}}
{{- define "locution.affinity" -}}
{{- if .values.affinity -}}
{{ toYaml .values.affinity }}
{{- else -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "locution.selector" . | nindent 12 }}
{{- end -}}
{{- end -}}
