{{- /* Folders of the certificates: the one that clients of the api see, and the one that services show each other. */ -}}
{{- define "locution.tlsFolders" -}}
server: /etc/locution/tls/server
internal: /etc/locution/tls/internal
{{- end -}}

{{- /* Which certificates a component has, as a JSON list of server and internal. Takes root, name and facts. */ -}}
{{- define "locution.certificates" -}}
{{- $tls := .root.Values.tls -}}
{{- $found := list -}}
{{- if and (eq .name "api") $tls.api.enabled -}}
{{- $found = append $found "server" -}}
{{- end -}}
{{- if and .facts.module $tls.internal.enabled -}}
{{- $found = append $found "internal" -}}
{{- end -}}
{{- dict "items" $found | toJson -}}
{{- end -}}

{{- /* Secret of a certificate: an existing one, or that of cert-manager. Takes root, name and kind. */ -}}
{{- define "locution.certificateSecret" -}}
{{- $tls := .root.Values.tls -}}
{{- $own := printf "%s-%s-tls" (include "locution.fullname" .root) (ternary .name "server" (eq .kind "internal")) -}}
{{- $existing := ternary (get $tls.internal.existingSecrets .name) $tls.api.existingSecret (eq .kind "internal") -}}
{{- default $own $existing -}}
{{- end -}}

{{- /* TLS settings of a component, as a YAML map. Takes root, name and facts. */ -}}
{{- define "locution.tlsSettings" -}}
{{- $kinds := (include "locution.certificates" . | fromJson).items -}}
{{- $folders := include "locution.tlsFolders" . | fromYaml -}}
{{- $inside := has "internal" $kinds -}}
{{- $served := ternary "server" (ternary "internal" "" (and $inside (ne .name "api"))) (has "server" $kinds) -}}
{{- with $served }}
LOCUTION_TLS_CERT_FILE: {{ get $folders . }}/tls.crt
LOCUTION_TLS_KEY_FILE: {{ get $folders . }}/tls.key
{{- end }}
{{- if eq $served "internal" }}
LOCUTION_TLS_CLIENT_CA_FILE: {{ $folders.internal }}/ca.crt
{{- end }}
{{- $calls := or (has "registry" .facts.uses) (has "engines" .facts.uses) (has "live" .facts.uses) }}
{{- if and $inside $calls }}
LOCUTION_TLS_CA_FILE: {{ $folders.internal }}/ca.crt
LOCUTION_TLS_CLIENT_CERT_FILE: {{ $folders.internal }}/tls.crt
LOCUTION_TLS_CLIENT_KEY_FILE: {{ $folders.internal }}/tls.key
{{- end }}
{{- end -}}

{{- /* Volumes of a component's certificates. Takes root, name and facts. */ -}}
{{- define "locution.tlsVolumes" -}}
{{- $component := . -}}
{{- range (include "locution.certificates" . | fromJson).items }}
- name: tls-{{ . }}
  secret:
    secretName: {{ include "locution.certificateSecret" (dict "root" $component.root "name" $component.name "kind" .) }}
    defaultMode: 288 # 0440
{{- end }}
{{- end -}}

{{- define "locution.tlsMounts" -}}
{{- $folders := include "locution.tlsFolders" . | fromYaml -}}
{{- range (include "locution.certificates" . | fromJson).items }}
- {name: tls-{{ . }}, mountPath: {{ get $folders . }}, readOnly: true}
{{- end }}
{{- end -}}

{{- /* A certificate of cert-manager. Takes root, name, kind, names and from: the values with the issuer. */ -}}
{{- define "locution.certificate" -}}
{{- $what := ternary (printf "%s-tls" .name) "server-tls" (eq .kind "internal") -}}
{{- $path := ternary "tls.internal" "tls.api" (eq .kind "internal") -}}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  {{- include "locution.metadata" (dict "root" .root "name" $what) | nindent 2 }}
spec:
  secretName: {{ include "locution.certificateSecret" . }}
  issuerRef:
    name: {{ required (printf "%s.issuer.name: set it, or an existing Secret" $path) .from.issuer.name }}
    kind: {{ .from.issuer.kind }}
    group: {{ .from.issuer.group }}
  dnsNames:
    {{- toYaml .names | nindent 4 }}
  usages: {{ ternary (list "server auth" "client auth") (list "server auth") (eq .kind "internal") | toJson }}
  duration: {{ .from.issuer.duration }}
  renewBefore: {{ .from.issuer.renewBefore }}
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
{{- end -}}
