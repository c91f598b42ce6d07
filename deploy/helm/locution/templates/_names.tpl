{{- /* Prefix of every resource's name. */ -}}
{{- define "locution.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $whole := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $whole .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- end -}}

{{- /* Name of a component's or a pool's resource. Takes root, name and pool. */ -}}
{{- define "locution.name" -}}
{{ include "locution.fullname" .root }}-{{ .name }}{{ with .pool }}-{{ . }}{{ end }}
{{- end -}}

{{- /* Labels that choose the pods of a component, or of its pool; they never change. Takes root, name and pool. */ -}}
{{- define "locution.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- with .pool }}
locution/pool: {{ . }}
{{- end }}
{{- end -}}

{{- /* Labels of a resource. Takes root, name and pool. */ -}}
{{- define "locution.labels" -}}
{{ include "locution.selector" . }}
app.kubernetes.io/part-of: locution
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Name, namespace and labels of a component's or a pool's resource. Takes root, name and pool. */ -}}
{{- define "locution.metadata" -}}
name: {{ include "locution.name" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "locution.labels" . | nindent 2 }}
{{- end -}}

{{- /* Full DNS name of a component's Service. Takes root and name. */ -}}
{{- define "locution.host" -}}
{{ include "locution.fullname" .root }}-{{ .name }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}
{{- end -}}

{{- /*
Address by which callers find a component: every pod by the headless Service, or any that is ready by its Service with an
address of its own, whose name resolves also while no pod is ready, and for caches that still say so. Takes root and name.
*/ -}}
{{- define "locution.address" -}}
{{ include "locution.host" . }}:50051;{{ include "locution.host" (dict "root" .root "name" (printf "%s-ready" .name)) }}:50051
{{- end -}}

{{- /* Pods of the named components, as peers of a NetworkPolicy. Takes root and names. */ -}}
{{- define "locution.peers" -}}
{{- $root := .root -}}
{{- range .names }}
- podSelector:
    matchLabels:
      {{- include "locution.selector" (dict "root" $root "name" .) | nindent 6 }}
{{- end }}
{{- end -}}
