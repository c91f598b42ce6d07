{{- /* Evaluation only: one pod with one volume and its Service. Takes root, name, values, port, mount, callers and container. */ -}}
{{- define "locution.store" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  selector:
    {{- include "locution.selector" . | nindent 4 }}
  ports:
    - {name: {{ .name }}, port: {{ .port }}, targetPort: {{ .port }}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  replicas: 1
  serviceName: {{ include "locution.fullname" .root }}-{{ .name }}
  selector:
    matchLabels:
      {{- include "locution.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "locution.labels" . | nindent 8 }}
    spec:
      {{- include "locution.storePod" . | nindent 6 }}
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .values.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .values.size }}
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
  policyTypes: {{ ternary (list "Ingress" "Egress") (list "Ingress") .root.Values.networkPolicy.restrictEgress | toJson }} # it calls nobody
  ingress:
    - ports:
        - {port: {{ .port }}, protocol: TCP}
      from:
        {{- include "locution.peers" (dict "root" .root "names" .callers) | trim | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "locution.storePod" -}}
{{- $user := dict "runAsUser" .values.runAsUser "runAsGroup" .values.runAsUser "fsGroup" .values.runAsUser -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "locution.podSecurity" $user | nindent 2 }}
containers:
  - name: {{ .name }}
    image: {{ .values.image }}
    {{- toYaml .container | nindent 4 }}
    ports:
      - {name: {{ .name }}, containerPort: {{ .port }}}
    securityContext:
      {{- include "locution.containerSecurity" . | nindent 6 }}
    resources:
      {{- toYaml .values.resources | nindent 6 }}
    volumeMounts:
      - {name: data, mountPath: {{ .mount }}}
      - {name: secrets, mountPath: /etc/locution/secrets, readOnly: true}
      - {name: scratch, mountPath: /tmp}
      {{- with .files }}
      - {name: files, mountPath: {{ .path }}, readOnly: true}
      {{- end }}
      {{- if eq .name "postgres" }}
      - {name: scratch, mountPath: /var/run/postgresql, subPath: run} # its first start talks over this socket
      {{- end }}
volumes:
  - name: secrets
    projected:
      defaultMode: 288 # 0440
      sources:
        {{- range $path, $at := .secrets }}
        - secret:
            name: {{ $at.secret }}
            items:
              - {key: {{ $at.key }}, path: {{ $path }}}
        {{- end }}
  {{- with .files }}
  - name: files
    configMap:
      name: {{ .name }}
  {{- end }}
  - name: scratch
    emptyDir:
      sizeLimit: 256Mi
{{- end -}}
