package mail

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// newsletters are the mails of the corpora that have links to follow, each
// link with an address of its own.
func newsletters(b *testing.B) (mails [][]byte, size int64) {
	links := 0
	for _, d := range templates(b) {
		if !strings.HasSuffix(d.name, "filled") && !strings.HasPrefix(d.name, "mailgen rendered") {
			continue
		}
		const address = `https://shop.example/a?b=1`
		text := d.text
		for i := 0; bytes.Contains(text, []byte(address)); i++ {
			text = bytes.Replace(text, []byte(address), fmt.Appendf(nil, "https://shop.example/offers/%d?b=2", i), 1)
			links++
		}
		mails = append(mails, text)
		size += int64(len(text))
	}
	b.Logf("%d mails, %d bytes, %d links", len(mails), size, links)
	return mails, size
}

// BenchmarkInstrument makes each mail for one recipient, with pixel and links.
func BenchmarkInstrument(b *testing.B) {
	mails, size := newsletters(b)
	o := optionsFor(newRing(b))
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range mails {
			if _, err := Instrument(o, text); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkTokenizer is the peer: the same mails read by package html alone.
func BenchmarkTokenizer(b *testing.B) {
	mails, size := newsletters(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range mails {
			for z := html.NewTokenizer(bytes.NewReader(text)); z.Next() != html.ErrorToken; {
				continue
			}
		}
	}
}
