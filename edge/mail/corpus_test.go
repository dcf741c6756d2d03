package mail

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/jhillyerd/enmime"
)

const nodeModules = "../../node_modules"

// document is one mail's HTML from others' hands.
type document struct {
	name string
	text []byte
}

// rendered gives mails that mailgen makes with each of its themes.
var rendered = sync.OnceValues(func() (map[string]string, error) {
	const script = `
const Mailgen = (m => m.default || m)(require('mailgen'));
const out = {};
for (const theme of ['default', 'neopolitan', 'salted', 'cerberus']) {
  const generator = new Mailgen({theme, product: {name: 'Shop & Co', link: 'https://shop.example/?a=1&b=2', copyright: '© <a href="https://shop.example/unsubscribe">leave</a>'}});
  out[theme] = generator.generate({body: {name: 'Anna', intro: 'Read <a href="https://shop.example/news">the news</a>.',
    table: {data: [{item: 'Tea', price: '12'}]}, signature: 'Yours',
    action: [{instructions: 'Confirm:', button: {color: '#22BC66', text: 'Confirm', link: 'https://shop.example/confirm?token=a&id=1#end'}}]}});
}
process.stdout.write(JSON.stringify(out));`
	node := exec.Command("node", "-e", script)
	node.Dir = nodeModules
	out, err := node.Output()
	if err != nil {
		return nil, err
	}
	var mails map[string]string
	return mails, json.Unmarshal(out, &mails)
})

var enmimeDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/jhillyerd/enmime").Output()
	return strings.TrimSpace(string(out)), err
})

// files reads all files below dir whose names end so.
func files(t testing.TB, dir, ending string) (found []document) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ending) {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		found = append(found, document{filepath.Base(dir) + "/" + name, text})
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d files in %s, %v: run make setup first", len(found), dir, err)
	}
	return found
}

// messages are enmime's raw test messages, well made and broken ones.
func messages(t testing.TB) []document {
	t.Helper()
	dir, err := enmimeDir()
	if err != nil || dir == "" {
		t.Fatalf("module github.com/jhillyerd/enmime is not in the module cache (go mod download): %v", err)
	}
	return files(t, filepath.Join(dir, "testdata"), ".raw")
}

// templates are the HTML of every corpus.
func templates(t testing.TB) []document {
	t.Helper()
	all := files(t, nodeModules+"/foundation-emails", ".html")
	for _, d := range slices.Clone(all) { // with addresses where the templates have #
		filled := bytes.ReplaceAll(d.text, []byte(`href="#"`), []byte(`href="https://shop.example/a?b=1&amp;c=2"`))
		if !bytes.Equal(filled, d.text) {
			all = append(all, document{d.name + " filled", filled})
		}
	}
	all = append(all, files(t, nodeModules+"/mailgen/themes", ".html")...)
	made, err := rendered()
	if err != nil {
		t.Fatalf("render mailgen's themes: %v", err)
	}
	for theme, text := range made {
		all = append(all, document{"mailgen rendered/" + theme, []byte(text)})
	}
	for _, m := range messages(t) {
		if envelope, err := enmime.ReadEnvelope(bytes.NewReader(m.text)); err == nil && envelope.HTML != "" {
			all = append(all, document{m.name, []byte(envelope.HTML)})
		}
	}
	return all
}

// hrefs lists the addresses of a and area as package html reads them.
func hrefs(text []byte) (found []string) {
	z := html.NewTokenizer(bytes.NewReader(text))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken || token.Data != "a" && token.Data != "area" {
			continue
		}
		for _, a := range token.Attr {
			if a.Key == "href" {
				found = append(found, a.Val)
			}
		}
	}
	return found
}

// expected decides roughly what decide must find, without its code.
func expected(address string) Decision {
	lower := strings.ToLower(strings.TrimSpace(address))
	switch {
	case lower == "":
		return LeftEmpty
	case strings.ContainsAny(lower, "{}") || strings.Contains(lower, "<%") || strings.Contains(lower, "*|") || strings.Contains(lower, "[["):
		return LeftTemplate
	case lower[0] == '#':
		return LeftFragment
	case strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://"):
		if strings.Contains(lower, "unsubscribe") {
			return LeftUnsubscribe
		}
		return Tracked
	case strings.HasPrefix(lower, "mailto:") || strings.HasPrefix(lower, "tel:") || strings.HasPrefix(lower, "cid:"):
		return LeftScheme
	}
	return LeftRelative
}

// TestTemplates instruments every mail of the corpora: each link is decided,
// all else is the same byte for byte and as a tree, and the pixel is there once.
func TestTemplates(t *testing.T) {
	o := optionsFor(newRing(t))
	all := templates(t)
	links, tracked, size := 0, 0, 0
	for _, d := range all {
		got, err := Instrument(o, d.text)
		if err != nil {
			t.Errorf("%s: %v", d.name, err)
			continue
		}
		addresses := hrefs(d.text)
		if len(addresses) != len(got.Links) {
			t.Errorf("%s: %d links decided, the mail has %d", d.name, len(got.Links), len(addresses))
			continue
		}
		for i, l := range got.Links {
			if l.Address != addresses[i] || l.Decision != expected(l.Address) {
				t.Errorf("%s: link %q was %v, want %v for %q", d.name, l.Address, l.Decision, expected(addresses[i]), addresses[i])
			}
			if l.Decision == Tracked {
				tracked++
			}
		}
		links += len(got.Links)
		size += len(d.text)
		checkBytes(t, o, d, got)
		checkTree(t, o, d, got)
	}
	t.Logf("%d mails, %d bytes, %d links, %d tracked", len(all), size, links, tracked)
	if len(all) < 60 || tracked < 150 {
		t.Errorf("the corpora are smaller than they should be: %d mails, %d tracked links", len(all), tracked)
	}
}

// FuzzInstrument: whatever the HTML, all of it but links stays, nothing
// panics, and a mail that is complete has the pixel once.
func FuzzInstrument(f *testing.F) {
	for _, d := range templates(f) {
		if len(d.text) < 6000 {
			f.Add(d.text)
		}
	}
	for _, c := range decisions {
		f.Add([]byte(`<a class=x href="` + c.href + `" data-no-trac>`))
	}
	for _, text := range []string{`<a / = "x" href='https://a.example/'>`, "<a href=https://a.example/><b><!--", `<a/href=https://a.example/ href=b>`, "<plaintext><a href=https://a.example/>", "<a href=https://a.example/\x00>"} {
		f.Add([]byte(text))
	}
	o := optionsFor(newRing(f))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Instrument(o, text)
		if err != nil {
			if !bytes.HasPrefix(text, []byte("\xff\xfe")) && !bytes.HasPrefix(text, []byte("\xfe\xff")) {
				t.Fatal(err)
			}
			return
		}
		if bytes.Contains(text, []byte(endpoint)) || bytes.Contains(bytes.ToLower(text), []byte("track")) || bytes.Contains(bytes.ToLower(text), []byte("kunji:")) {
			return // what the input has of ours, or opt-outs: other rules
		}
		if addresses := hrefs(text); len(addresses) != len(got.Links) {
			t.Fatalf("%d links decided, the mail has %d", len(got.Links), len(addresses))
		}
		checkBytes(t, o, document{"fuzz", text}, got)
	})
}
