// Package site says what a website is to Kunji: its domains, the purposes it
// asks for, the services it embeds, the law that applies to a visit, and the
// places where the edge answers for it.
//
// A Site is read from the configuration once, validated as a whole, and never
// changes afterwards: a reload makes new ones. Everything that decides about a
// visit (package consent) or shows something to a visitor (banner, server)
// reads it from here, so that what a visitor is told and what the edge does
// cannot differ.
//
// The package reads no file and knows no network; policies are handed to it as
// an fs.FS. It imports none of Kunji's other packages.
package site
