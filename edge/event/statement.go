package event

import (
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/edge/event/wire"
)

func statementToWire(s *Statement) *wire.Statement {
	return &wire.Statement{
		Site: s.Site, Recipient: s.Recipient, Time: s.Time.Unix(),
		Open: uint32(s.Open), Click: uint32(s.Click), All: uint32(s.All), By: s.By, Proof: s.Proof, Sealed: s.Sealed,
	}
}

func statementFromWire(w *wire.Statement) (*Statement, error) {
	if w.Open > uint32(Denied) || w.Click > uint32(Denied) || w.All > uint32(Denied) {
		return nil, fmt.Errorf("decode statement: choices %d, %d and %d are not known here: start the newer program that wrote it", w.Open, w.Click, w.All)
	}
	return &Statement{
		Site: w.Site, Recipient: w.Recipient, Time: time.Unix(w.Time, 0).UTC(),
		Open: Choice(w.Open), Click: Choice(w.Click), All: Choice(w.All), By: w.By, Proof: w.Proof, Sealed: w.Sealed,
	}, nil
}
