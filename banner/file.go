package banner

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"

	"github.com/andybalholm/brotli"
)

// File is a response body with its compressed forms, made once. Treat it as
// read-only.
type File struct {
	Body, Brotli, Gzip []byte
	ETag               string // quoted, strong, of Body
	ContentType        string
	// Immutable files are named by their content and may be cached for good;
	// the others only as the contract says for /b/{site}.js.
	Immutable bool
}

func newFile(body []byte, contentType string, immutable bool) *File {
	f := &File{Body: body, ETag: `"` + digest(body) + `"`, ContentType: contentType, Immutable: immutable}
	var br, gz bytes.Buffer
	// Writes into a bytes.Buffer cannot fail.
	w := brotli.NewWriterOptions(&br, brotli.WriterOptions{Quality: 11, LGWin: 22})
	_, _ = w.Write(body)
	_ = w.Close()
	z, _ := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	_, _ = z.Write(body)
	_ = z.Close()
	f.Brotli, f.Gzip = br.Bytes(), gz.Bytes()
	return f
}

// digest names content: 96 bits of SHA-256 in base64url.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

const (
	scriptType = "text/javascript; charset=utf-8"
	sheetType  = "text/css; charset=utf-8"
)
