// Command barefasthttp answers every request with a GIF and does nothing else:
// what fasthttp costs without consent, cookies and disk.
package main

import (
	"log"
	"os"

	"github.com/valyala/fasthttp"
)

func main() {
	gif := []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")
	log.Fatal(fasthttp.ListenAndServe(os.Args[1], func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("image/gif")
		ctx.Response.SetBodyRaw(gif)
	}))
}
