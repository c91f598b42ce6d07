# Terraform keeps the generated secrets in its state: store that encrypted.

provider "kubernetes" {
  config_path = var.kubeconfig
}

provider "helm" {
  kubernetes = {
    config_path = var.kubeconfig
  }
}

resource "kubernetes_namespace_v1" "locution" {
  metadata {
    name = var.namespace
    labels = {
      "pod-security.kubernetes.io/enforce" = "restricted"
    }
  }
}

resource "random_password" "service" {
  for_each = toset(["service-token", "session-key", "bootstrap-key"])
  length   = 40
  special  = false
}

resource "kubernetes_secret_v1" "service" {
  metadata {
    name      = "locution-service"
    namespace = kubernetes_namespace_v1.locution.metadata[0].name
  }
  data = { for key, password in random_password.service : key => password.result }
}

resource "kubernetes_secret_v1" "postgres" {
  for_each = toset(["gateway", "worker", "registry"])
  metadata {
    name      = "locution-${each.key}-postgres"
    namespace = kubernetes_namespace_v1.locution.metadata[0].name
  }
  data = {
    url       = var.postgres_urls[each.key]
    owner-url = var.postgres_urls.owner
  }
}

resource "kubernetes_secret_v1" "s3" {
  metadata {
    name      = "locution-s3"
    namespace = kubernetes_namespace_v1.locution.metadata[0].name
  }
  data = {
    access-key = var.s3_access_key
    secret-key = var.s3_secret_key
  }
}

resource "helm_release" "locution" {
  name      = "locution"
  namespace = kubernetes_namespace_v1.locution.metadata[0].name
  chart     = "${path.module}/../../locution"
  wait      = true
  timeout   = 1800

  values = [
    file("${path.module}/../../locution/values-external.yaml"),
    yamlencode({
      image = { registry = var.image_registry }
      s3    = { endpoint = var.s3_endpoint }
    }),
  ]

  depends_on = [
    kubernetes_secret_v1.service,
    kubernetes_secret_v1.postgres,
    kubernetes_secret_v1.s3,
  ]
}
