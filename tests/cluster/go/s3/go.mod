module locution.test/cluster/s3

go 1.24.0
