package mail

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

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

// cpu reports megabytes per second of this process' own processor time, which
// says the same on a machine that has other things to do.
func cpu(b *testing.B, size int64) func() {
	used := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64(size)*float64(b.N)/1e6/(used()-start).Seconds(), "MB/cpu-s") }
}

// BenchmarkInstrument makes each mail for one recipient, with pixel and links.
func BenchmarkInstrument(b *testing.B) {
	mails, size := newsletters(b)
	o := optionsFor(newRing(b))
	b.SetBytes(size)
	b.ReportAllocs()
	defer cpu(b, size)()
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
	defer cpu(b, size)()
	for b.Loop() {
		for _, text := range mails {
			for z := html.NewTokenizer(bytes.NewReader(text)); z.Next() != html.ErrorToken; {
				continue
			}
		}
	}
}
