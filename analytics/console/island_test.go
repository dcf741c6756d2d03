package console

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http/httptest"
	"testing"
	"testing/fstest"
)

func TestIslandsMustBeBuilt(t *testing.T) {
	if _, err := loadIslands(fstest.MapFS{"dist/.gitkeep": {}}); !errors.Is(err, errNotBuilt) {
		t.Errorf("got %v, want %v", err, errNotBuilt)
	}
}

// Scripts and styles are the same to browsers that take them compressed.
func TestAssetsAreServedEitherWay(t *testing.T) {
	islands, err := loadIslands(distFiles)
	if err != nil {
		t.Fatal(err)
	}
	one := islands.entries[chartIsland]
	c := &Console{assets: map[string]asset{one.name: one}}
	get := func(encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", one.path(), nil)
		r.SetPathValue("file", one.name)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		c.serveAsset(w, r)
		return w
	}
	plain, zipped := get("identity"), get("gzip, br")
	if h := zipped.Header(); h.Get("Content-Encoding") != "gzip" || plain.Header().Get("Content-Encoding") != "" || h.Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers %v and %v", plain.Header(), h)
	}
	r, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(data, plain.Body.Bytes()) || len(data) != len(one.data) {
		t.Errorf("%d bytes and %d, %v", len(data), plain.Body.Len(), err)
	}
}
