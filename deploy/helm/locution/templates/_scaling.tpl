{{- /* What scales a Deployment: a HorizontalPodAutoscaler, or KEDA's ScaledObject. Takes root, name, pool, facts and values. */ -}}
{{- define "locution.autoscaler" -}}
{{- $scaling := .values.autoscaling -}}
{{- $targets := (include "locution.targets" . | fromJson).items -}}
{{- if not (or $scaling.minReplicas $targets) -}}
{{- fail (printf "%s.autoscaling.minReplicas: 0 needs a target that is there without pods: queue or streams" .name) -}}
{{- end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) -}}
{{- fail (printf "%s.autoscaling.minReplicas: is more than maxReplicas" .name) -}}
{{- end -}}
{{- if not (or $scaling.targetCPUPercent $targets (ternary $scaling.keda.triggers $scaling.metrics $scaling.keda.enabled)) -}}
{{- fail (printf "%s.autoscaling.enabled: set a target: targetCPUPercent, queue, streams, metrics or keda.triggers" .name) -}}
{{- end -}}
{{- $all := merge (dict "targets" $targets) . -}}
{{- if $scaling.keda.enabled -}}
{{- include "locution.scaledObject" $all -}}
{{- else -}}
{{- include "locution.horizontalAutoscaler" $all -}}
{{- end -}}
{{- end -}}

{{- /*
The targets of a Deployment on what waits and on live streams, as a JSON list "items" of metric, kinds (of stages), most,
perPod, whether most is for each pod, and own, whether its own pods measure it. Takes facts and values.
*/ -}}
{{- define "locution.targets" -}}
{{- $facts := .facts -}}
{{- $queue := default dict .values.autoscaling.queue -}}
{{- $found := list -}}
{{- with $queue.audioSeconds -}}
{{- $found = append $found (dict "metric" "locution_queue_audio_seconds" "kinds" $facts.kinds "most" . "perPod" true) -}}
{{- if $facts.waiting -}}
{{- $found = append $found (dict "metric" $facts.waiting "most" . "perPod" true "own" true) -}}
{{- end -}}
{{- end -}}
{{- with $queue.oldestSeconds -}}
{{- range $kind := $facts.kinds -}}
{{- $found = append $found (dict "metric" "locution_queue_oldest_seconds" "kinds" (list $kind) "most" $queue.oldestSeconds) -}}
{{- end -}}
{{- end -}}
{{- with .values.autoscaling.streams -}}
{{- $found = append $found (dict "metric" "locution_live_streams" "most" . "perPod" true) -}}
{{- end -}}
{{- dict "items" $found | toJson -}}
{{- end -}}

{{- define "locution.horizontalAutoscaler" -}}
{{- $scaling := .values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "locution.name" . }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  behavior:
    {{- include "locution.scalingBehavior" . | nindent 4 }}
  metrics:
    {{- with $scaling.targetCPUPercent }}
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ . }}}
    {{- end }}
    {{- range .targets }}
    - type: External
      external:
        metric:
          name: {{ .metric }}
          {{- with .kinds }}
          selector:
            matchExpressions:
              - {key: kind, operator: In, values: {{ toJson . }}}
          {{- end }}
        target: {{ ternary (dict "type" "AverageValue" "averageValue" (int .most | toString)) (dict "type" "Value" "value" (int .most | toString)) (not (not .perPod)) | toJson }}
    {{- end }}
    {{- with $scaling.metrics }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- /*
Every api measures the same queue; everything else is measured by each pod for itself, so a component without pods measures
nothing of its own.
*/ -}}
{{- define "locution.scaledObject" -}}
{{- $scaling := .values.autoscaling -}}
{{- $keda := $scaling.keda -}}
{{- $here := printf "namespace=%q" .root.Release.Namespace -}}
{{- if $scaling.metrics -}}
{{- fail (printf "%s.autoscaling.metrics: are for a HorizontalPodAutoscaler; give KEDA keda.triggers" .name) -}}
{{- end -}}
{{- $server := required (printf "%s.autoscaling.keda.serverAddress: set Prometheus' address" .name) $keda.serverAddress -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "locution.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    name: {{ include "locution.name" . }}
  minReplicaCount: {{ $scaling.minReplicas }}
  maxReplicaCount: {{ $scaling.maxReplicas }}
  pollingInterval: {{ $keda.pollingSeconds }}
  cooldownPeriod: {{ $keda.cooldownSeconds }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- include "locution.scalingBehavior" . | nindent 8 }}
  triggers:
    {{- with $scaling.targetCPUPercent }}
    - type: cpu
      metricType: Utilization
      metadata: {value: {{ int . | toString | quote }}}
    {{- end }}
    {{- range .targets }}
    - type: prometheus
      metricType: {{ ternary "AverageValue" "Value" (not (not .perPod)) }}
      metadata:
        serverAddress: {{ $server }}
        {{- if .kinds }}
        query: sum(max by (kind) ({{ .metric }}{ {{- $here }}, kind=~"{{ join "|" .kinds }}"}))
        {{- else }}
        query: sum({{ .metric }}{ {{- $here }}}){{ if .own }} or vector(0){{ end }}
        {{- end }}
        threshold: {{ int .most | toString | quote }}
        ignoreNullValues: "false" # without an answer of Prometheus nothing scales down
      {{- with $keda.authentication }}
      authenticationRef: {name: {{ . }}}
      {{- end }}
    {{- end }}
    {{- with $keda.triggers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{- /* Pods are taken away one by one, each after the one before it had its whole grace period (Kubernetes allows 1800 s). */ -}}
{{- define "locution.scalingBehavior" -}}
scaleDown:
  stabilizationWindowSeconds: {{ .values.autoscaling.scaleDownSeconds }}
  policies:
    - {type: Pods, value: 1, periodSeconds: {{ min 1800 (include "locution.gracePeriod" .values.shutdown | int) }}}
{{- end -}}
