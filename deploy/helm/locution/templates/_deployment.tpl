{{- define "locution.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  {{- if not .values.autoscaling.enabled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: {{ .values.strategy.maxSurge }}
      maxUnavailable: {{ .values.strategy.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "locution.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "locution.labels" . | nindent 8 }}
        {{- with .values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        {{- include "locution.podAnnotations" . | nindent 8 }}
    spec:
      {{- include "locution.podSpec" . | nindent 6 }}
{{- end -}}

{{- define "locution.podAnnotations" -}}
kubectl.kubernetes.io/default-container: {{ .name }}
checksum/secret: {{ include (print .root.Template.BasePath "/evaluation-secret.yaml") .root | sha256sum }}
{{- if .root.Values.metrics.annotations }}
prometheus.io/scrape: "true"
prometheus.io/port: "9090"
prometheus.io/path: /metrics
{{- end }}
{{- with .values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "locution.podSpec" -}}
serviceAccountName: {{ include "locution.fullname" .root }}-{{ .name }}
automountServiceAccountToken: false
enableServiceLinks: false # Kubernetes' LOCUTION_..._PORT variables would look like settings
dnsConfig:
  options:
    - {name: ndots, value: "3"} # full names are not looked up in every search domain first; name.namespace still is
terminationGracePeriodSeconds: {{ include "locution.gracePeriod" .values.shutdown }}
securityContext:
  {{- include "locution.podSecurity" .root.Values.podSecurity | nindent 2 }}
{{- include "locution.placement" . }}
affinity:
  {{- include "locution.affinity" . | nindent 2 }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $own := dict "labelSelector" (dict "matchLabels" (include "locution.selector" $ | fromYaml)) }}
  - {{ if hasKey . "labelSelector" }}{{ toJson . }}{{ else }}{{ merge $own . | toJson }}{{ end }}
  {{- end }}
{{- end }}
{{- with include "locution.initContainers" . | trim }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
containers:
  {{- include "locution.container" . | nindent 2 }}
volumes:
  {{- include "locution.volumes" . | nindent 2 }}
{{- end -}}

{{- /* Where pods come from and may run; begins with a new line. */ -}}
{{- define "locution.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "locution.container" -}}
- name: {{ .name }}
  image: {{ include "locution.image" . }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: {{ concat (list "python" "-m") .facts.module | toJson }}
  env:
    {{- include "locution.environment" . | trim | nindent 4 }}
  ports:
    - {name: grpc, containerPort: 50051}
    - {name: health, containerPort: 50052}
    - {name: metrics, containerPort: 9090}
  startupProbe:
    {{- include "locution.probe" (dict "service" "liveness" "times" .values.probes.startup) | nindent 4 }}
  readinessProbe:
    {{- include "locution.probe" (dict "service" .facts.ready "times" .values.probes.readiness) | nindent 4 }}
  livenessProbe:
    {{- include "locution.probe" (dict "service" "liveness" "times" .values.probes.liveness) | nindent 4 }}
  securityContext:
    {{- include "locution.containerSecurity" . | nindent 4 }}
  resources:
    {{- include "locution.resources" .values | nindent 4 }}
  volumeMounts:
    {{- include "locution.mounts" . | nindent 4 }}
{{- end -}}
