package export

import (
	"context"
	_ "embed"
	"strings"
	"time"
)

//go:embed readme.md
var readmeText string

// readme says in the folder itself what it is and how to check it.
func (w *writer) readme(context.Context) error {
	return w.text("README.md", []byte(strings.NewReplacer("SITE", w.Site.ID, "TIME", w.m.Time.Format(time.RFC3339)).Replace(readmeText)))
}
