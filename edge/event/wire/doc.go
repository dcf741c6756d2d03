// Package wire is the Protocol Buffers form of package event's records, made
// from record.proto by protoc. Only package event reads and writes it.
package wire

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=. --go_opt=paths=source_relative record.proto"
