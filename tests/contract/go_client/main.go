// Command client asks a Locution server what it takes, through stubs that were generated from the exported bundle alone.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	validate "locution.example/client/gen/buf/validate"
	locution "locution.example/client/gen/locution/v1"
)

// answer is what the program prints.
type answer struct {
	Version         string  `json:"version"`
	MaxAudioSeconds float64 `json:"max_audio_seconds"`
	MaxBeamSize     int32   `json:"max_beam_size"`
}

// maxBeamSize reads a validation rule out of the generated descriptor: options survive the export.
func maxBeamSize() int32 {
	field := (&locution.JobConfig{}).ProtoReflect().Descriptor().Fields().ByName("beam_size")
	rules := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	return rules.GetInt32().GetLte()
}

func ask(address, key string) (answer, error) {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return answer{}, err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
	info, err := locution.NewSystemServiceClient(connection).GetServerInfo(ctx, &locution.GetServerInfoRequest{})
	if err != nil {
		return answer{}, err
	}
	return answer{info.GetVersion(), info.GetMaxAudioDuration().AsDuration().Seconds(), maxBeamSize()}, nil
}

func main() {
	got, err := ask(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(got)
}
