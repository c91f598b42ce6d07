{{- /*
The Deployments of a component, as a JSON list "items" of pool and values: one for each pool, whose values lie over the
component's, or a single one without a name. Takes values.
*/ -}}
{{- define "locution.pools" -}}
{{- $found := list -}}
{{- range $pool, $values := .values.pools -}}
{{- $over := dict "base" (omit $.values "pools") "over" (default dict $values) -}}
{{- $found = append $found (dict "pool" $pool "values" (include "locution.over" $over | fromJson)) -}}
{{- end -}}
{{- dict "items" (default (list (dict "pool" "" "values" .values)) $found) | toJson -}}
{{- end -}}

{{- /* Values over others, as JSON: maps key by key, null takes a key away, anything else replaces. Takes base and over. */ -}}
{{- define "locution.over" -}}
{{- $found := deepCopy .base -}}
{{- range $key, $value := .over -}}
{{- $was := get $found $key -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $found $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" $was) -}}
{{- $_ := set $found $key (include "locution.over" (dict "base" $was "over" $value) | fromJson) -}}
{{- else -}}
{{- $_ := set $found $key $value -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- /* The fewest pods that all Deployments of a component may have together. Takes values. */ -}}
{{- define "locution.fewest" -}}
{{- $sum := 0 -}}
{{- range (include "locution.pools" . | fromJson).items -}}
{{- $sum = add $sum (ternary .values.autoscaling.minReplicas .values.replicas .values.autoscaling.enabled | int) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{- /* The most pods that a Deployment may have. Takes values. */ -}}
{{- define "locution.most" -}}
{{- ternary .values.autoscaling.maxReplicas .values.replicas .values.autoscaling.enabled | int -}}
{{- end -}}
