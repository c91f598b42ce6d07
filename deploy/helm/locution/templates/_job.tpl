{{- /*
The pod of a Job, whose one container does one thing and ends. Takes root, name, facts and values, and what locution.step
takes.
*/ -}}
{{- define "locution.jobPod" -}}
serviceAccountName: {{ include "locution.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: OnFailure
{{- include "locution.placement" . }}
securityContext:
  {{- include "locution.podSecurity" .root.Values.podSecurity | nindent 2 }}
containers:
  {{- include "locution.step" . | nindent 2 }}
volumes:
  {{- include "locution.volumes" . | nindent 2 }}
{{- end -}}

{{- /* Who a Job's pods are, and that nobody calls them. Takes root, name and values. */ -}}
{{- define "locution.jobAccess" -}}
{{ include "locution.serviceAccount" . }}
{{- if .root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "locution.selector" . | nindent 6 }}
  {{- include "locution.ways" . | nindent 2 }}
{{- end }}
{{- end -}}
