package mail

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/kunjicloud/kunji/edge/identity"
)

// raws splits HTML into the bytes of its tokens, and behind them what is left.
func raws(text []byte) (tokens []string) {
	z := html.NewTokenizer(bytes.NewReader(text))
	at := 0
	for z.Next() != html.ErrorToken {
		tokens = append(tokens, string(text[at:at+len(z.Raw())]))
		at += len(z.Raw())
	}
	return append(tokens, string(text[at:]))
}

// checkBytes compares input and output token by token.
func checkBytes(t testing.TB, o Options, d document, got Result) {
	t.Helper()
	before, after := raws(d.text), raws(got.HTML)
	pixels, changed := 0, 0
	for i := 0; i < len(after); i++ {
		token := after[i]
		switch {
		case strings.HasPrefix(token, `<img src="`+o.Endpoint+"/o/"):
			pixels++
			continue
		case len(before) > 0 && token == before[0]:
		case len(before) > 0 && strings.Contains(token, o.Endpoint+"/c/"):
			changed++
			head, _, _ := strings.Cut(token, o.Endpoint+"/c/")
			if !strings.HasPrefix(before[0], head) {
				t.Fatalf("%s: %q became %q", d.name, before[0], token)
			}
		default:
			t.Fatalf("%s: token %d is %.200q, want %.200q", d.name, i, token, before[:min(1, len(before))])
		}
		before = before[1:]
	}
	if pixels != 1 || len(before) != 0 {
		t.Errorf("%s: %d pixels, %d tokens lost", d.name, pixels, len(before))
	}
	want := 0
	for _, l := range got.Links {
		if l.Decision == Tracked {
			want++
		}
	}
	if changed != want {
		t.Errorf("%s: %d tags changed, %d links are tracked", d.name, changed, want)
	}
}

// checkTree compares what a mail program makes of input and output.
func checkTree(t testing.TB, o Options, d document, got Result) {
	t.Helper()
	before, err := html.Parse(bytes.NewReader(d.text))
	if err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	after, err := html.Parse(bytes.NewReader(got.HTML))
	if err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	if n := removePixels(after, o); n != 1 {
		t.Errorf("%s: %d pixels in the tree", d.name, n)
	}
	want, have := flatten(nil, before, o), flatten(nil, after, o)
	if !slices.Equal(want, have) {
		for i := range want {
			if i >= len(have) || want[i] != have[i] {
				t.Errorf("%s: node %d of the tree was %.200q, is %.200q", d.name, i, want[i], have[min(i, len(have)-1)])
				return
			}
		}
		t.Errorf("%s: the tree has %d nodes, had %d", d.name, len(have), len(want))
	}
}

// removePixels takes the pixels out of a tree and joins the texts around them.
func removePixels(n *html.Node, o Options) (removed int) {
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		if child.Data == "img" && len(child.Attr) > 0 && strings.HasPrefix(child.Attr[0].Val, o.Endpoint+"/o/") {
			before := child.PrevSibling
			n.RemoveChild(child)
			removed++
			if before != nil && next != nil && before.Type == html.TextNode && next.Type == html.TextNode {
				before.Data += next.Data
				after := next.NextSibling
				n.RemoveChild(next)
				next = after
			}
		} else {
			removed += removePixels(child, o)
		}
		child = next
	}
	return removed
}

// flatten lists a tree's nodes with their depth; tracked addresses become
// their destination without UTM tags.
func flatten(to []string, n *html.Node, o Options) []string {
	depth := 0
	for p := n.Parent; p != nil; p = p.Parent {
		depth++
	}
	text := strings.Repeat(" ", depth) + n.Data
	for _, a := range n.Attr {
		value := a.Val
		if token, ok := strings.CutPrefix(value, o.Endpoint+"/c/"); ok {
			l, err := o.Ring.OpenLink(identity.Click, token)
			if err != nil {
				value = "a bad token"
			} else {
				value = l.Destination
			}
		}
		if (n.Data == "a" || n.Data == "area") && a.Key == "href" {
			value = bare(value)
		}
		text += " " + a.Key + "=" + value
	}
	to = append(to, text)
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		to = flatten(to, child, o)
	}
	return to
}

// bare takes our UTM tags, and what only a browser's repairs change, out.
func bare(address string) string {
	address = strings.Replace(address, tags, "", 1)
	address, fragment, _ := strings.Cut(address, "#")
	address = strings.TrimRight(address, "?&")
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(address), " ", "%20")) + "#" + fragment
}
