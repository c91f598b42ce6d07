{{- define "locution.image" -}}
{{- $image := .root.Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end }}{{ .values.image.repository }}:{{ default .root.Chart.AppVersion $image.tag }}
{{- end -}}

{{- /* Who every pod of ours is. */ -}}
{{- define "locution.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .runAsUser }}
runAsGroup: {{ .runAsGroup }}
fsGroup: {{ .fsGroup }}
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

{{- /* A gRPC probe. Takes service and times. */ -}}
{{- define "locution.probe" -}}
grpc:
  port: 50051
  service: {{ .service | quote }}
periodSeconds: {{ .times.periodSeconds }}
failureThreshold: {{ .times.failureThreshold }}
timeoutSeconds: 3
{{- end -}}

{{- /* Volumes of a component. Takes root, facts and values. */ -}}
{{- define "locution.volumes" -}}
- name: secrets
  projected:
    defaultMode: 288 # 0440: the user reads by group
    sources:
      {{- range (include "locution.secretSettings" . | fromJson).items }}
      - secret:
          name: {{ .secret }}
          items:
            - {key: {{ .key }}, path: {{ .setting }}}
      {{- end }}
{{- with and .root.Values.migrations.enabled .facts.migrate (include "locution.migrationRef" (dict "root" .root "owner" .facts.database)) }}
{{- $at := fromJson . }}
- name: migration
  secret:
    secretName: {{ $at.secret }}
    defaultMode: 288 # 0440
    items:
      - {key: {{ $at.key }}, path: LOCUTION_MIGRATION_DATABASE_URL}
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
{{- if and .root.Values.migrations.enabled .facts.migrate }}
{{- $command := concat (list "python" "-m") .facts.migrate }}
{{- $settings := dict "LOCUTION_DATABASE_URL_FILE" "/etc/locution/secrets/LOCUTION_DATABASE_URL" "LOCUTION_MIGRATION_WAIT" .root.Values.migrations.wait }}
{{- $role := include "locution.migrationRef" (dict "root" .root "owner" .facts.database) }}
{{- if $role }}
{{- $_ := set $settings "LOCUTION_MIGRATION_DATABASE_URL_FILE" "/etc/locution/migration/LOCUTION_MIGRATION_DATABASE_URL" }}
{{- end }}
{{ include "locution.step" (merge (dict "step" "migrate" "command" $command "settings" $settings "migration" $role) .) }}
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
    {{- if .migration }}
    - {name: migration, mountPath: /etc/locution/migration, readOnly: true}
    {{- end }}
    {{- with .mount }}
    - {{ toJson . }}
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
