output "api" {
  description = "Address of the API inside the cluster."
  value       = "locution-api.${var.namespace}.svc:50051"
}

output "bootstrap_key" {
  description = "Key of the first operator."
  value       = random_password.service["bootstrap-key"].result
  sensitive   = true
}
