package console

import (
	_ "embed" // openapi.yaml
	"net/http"
)

//go:embed openapi.yaml
var openAPI []byte

// serveOpenAPI answers with the description of every operation.
func (c *Console) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI)
}
