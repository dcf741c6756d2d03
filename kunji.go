// Package kunji carries the files of the repository's root that the program
// embeds.
package kunji

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of kunji.yaml. `kunji check
// --schema` prints it for editors, and the program checks against it.
//
//go:embed kunji.schema.json
var Schema []byte
