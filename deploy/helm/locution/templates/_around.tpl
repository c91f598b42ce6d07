{{- /* What stands around a component's Deployments. Each takes root, name, facts and values; a disruption budget also pool. */ -}}
{{- define "locution.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
  {{- with .values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- /* Headless but for the api: gRPC clients of ours see every pod by DNS and go round them. See locution.address. */ -}}
{{- define "locution.service" -}}
{{- $service := default dict .values.service -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
  {{- with $service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ default "ClusterIP" $service.type }}
  {{- with $service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .facts.headless }}
  clusterIP: None
  {{- end }}
  selector:
    {{- include "locution.selector" . | nindent 4 }}
  ports:
    - {name: grpc, port: {{ default 50051 $service.port }}, targetPort: grpc, appProtocol: {{ include "locution.protocol" . }}}
    - {name: metrics, port: 9090, targetPort: metrics, appProtocol: http}
{{- if .facts.callers }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "locution.metadata" (dict "root" .root "name" (printf "%s-ready" .name)) | nindent 2 }}
spec:
  selector:
    {{- include "locution.selector" . | nindent 4 }}
  ports:
    - {name: grpc, port: 50051, targetPort: grpc, appProtocol: {{ include "locution.protocol" . }}}
{{- end }}
{{- end -}}

{{- define "locution.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .values.disruptionBudget.maxUnavailable }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "locution.selector" . | nindent 6 }}
{{- end -}}

{{- define "locution.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "locution.selector" . | nindent 6 }}
  {{- include "locution.ways" . | nindent 2 }}
  ingress:
    {{- include "locution.ingress" . | nindent 4 }}
{{- end -}}

{{- /* The types of a NetworkPolicy, and its egress if that is restricted. Takes root, name and facts. */ -}}
{{- define "locution.ways" -}}
{{- if .root.Values.networkPolicy.restrictEgress -}}
policyTypes: [Ingress, Egress]
egress:
  {{- include "locution.egress" . | trim | nindent 2 }}
{{- else -}}
policyTypes: [Ingress]
{{- end -}}
{{- end -}}

{{- /* Whom a component or Job may reach: DNS, those that it calls, its stores, and what values add. Takes root, name and facts. */ -}}
{{- define "locution.egress" -}}
{{- $values := .root.Values -}}
{{- $called := list -}}
{{- range $name, $facts := include "locution.components" .root | fromYaml }}
{{- if has $.name $facts.callers }}
{{- $called = append $called $name }}
{{- end }}
{{- end -}}
{{ include "locution.toNames" . }}
{{- with $called }}
- ports:
    - {port: 50051, protocol: TCP}
  to:
    {{- include "locution.peers" (dict "root" $.root "names" .) | trim | nindent 4 }}
{{- end }}
{{- if or .facts.database .facts.migrates }}
{{ include "locution.toStore" (dict "root" .root "name" "postgres" "port" 5432 "inside" $values.evaluation.postgres.enabled "rules" $values.networkPolicy.postgres) }}
{{- end }}
{{- if has "objects" .facts.uses }}
{{- $port := ternary 9000 (regexFind "[0-9]+$" $values.s3.endpoint | int) $values.evaluation.s3.enabled }}
{{ include "locution.toStore" (dict "root" .root "name" "s3" "port" $port "inside" $values.evaluation.s3.enabled "rules" $values.networkPolicy.s3) }}
{{- end }}
{{- with get (dict "worker" $values.networkPolicy.webhooks "api" $values.networkPolicy.issuers) .name }}
{{ toYaml . }}
{{- end }}
{{- with $values.networkPolicy.egress }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "locution.toNames" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end -}}

{{- /* Egress to a store: the release's own copy, the rules of values, or its port anywhere. Takes root, name, port, inside, rules. */ -}}
{{- define "locution.toStore" -}}
{{- if .rules -}}
{{ toYaml .rules }}
{{- else -}}
- ports:
    - {port: {{ .port }}, protocol: TCP}
  {{- if .inside }}
  to:
    {{- include "locution.peers" (dict "root" .root "names" (list .name)) | trim | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- /* The worker takes no calls; the api takes its clients'; the others take those of the components that call them. */ -}}
{{- define "locution.ingress" -}}
{{- $policy := .root.Values.networkPolicy -}}
- ports:
    - {port: 9090, protocol: TCP}
  from:
    {{- toYaml (default (list (dict "namespaceSelector" dict)) $policy.scrapers) | nindent 4 }}
{{- if eq .name "api" }}
- ports:
    - {port: 50051, protocol: TCP}
  {{- with $policy.clients }}
  from:
    {{- toYaml . | nindent 4 }}
    {{- include "locution.tests" $ | trim | nindent 4 }}
  {{- end }}
{{- else if .facts.callers }}
- ports:
    - {port: 50051, protocol: TCP}
  from:
    {{- include "locution.peers" (dict "root" .root "names" .facts.callers) | trim | nindent 4 }}
{{- end }}
{{- if and (ne .name "api") (include "locution.tests" .) }}
- ports:
    - {port: 50052, protocol: TCP}
  from:
    {{- include "locution.tests" . | trim | nindent 4 }}
{{- end }}
{{- end -}}

{{- /* The pods of `helm test`, as peers of a NetworkPolicy, or nothing without tests. Takes root. */ -}}
{{- define "locution.tests" -}}
{{- if .root.Values.tests.enabled -}}
{{- include "locution.peers" (dict "root" .root "names" (list "selftest")) -}}
{{- end -}}
{{- end -}}

{{- /* What a component's gRPC port speaks. Takes root, name, facts and values. */ -}}
{{- define "locution.protocol" -}}
{{- $settings := merge (include "locution.tlsSettings" . | fromYaml) .values.settings -}}
{{ ternary "https" "kubernetes.io/h2c" (hasKey $settings "LOCUTION_TLS_CERT_FILE") }}
{{- end -}}
