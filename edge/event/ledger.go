package event

import (
	"time"

	"github.com/kunjicloud/kunji/edge/event/wire"
)

func consentToWire(c *Consent) *wire.Consent {
	w := &wire.Consent{
		Id: idToWire(&c.ID), Previous: idToWire(&c.Previous), Subject: c.Subject, Site: c.Site,
		TimeMs: c.Time.UnixMilli(), Method: c.Method, Surface: c.Surface,
		NoticeVersion: c.NoticeVersion, NoticeHash: c.NoticeHash[:], NoticeLanguage: c.NoticeLanguage,
		PolicyVersion: uint32(c.PolicyVersion), Regime: c.Regime, Country: c.Country, Region: c.Region,
		Signal: c.Signal, Age: c.Age, Guardian: c.Guardian, KeepUntil: c.KeepUntil, Withdraws: c.Withdraws, Salt: idToWire(&c.Salt),
	}
	for _, p := range c.Purposes {
		w.Purposes = append(w.Purposes, &wire.PurposeDecision{Purpose: p.Purpose, Version: uint32(p.Version), Granted: p.Granted})
	}
	for _, s := range c.Services {
		w.Services = append(w.Services, &wire.ServiceDecision{Service: s.Service, Granted: s.Granted})
	}
	return w
}

func consentFromWire(w *wire.Consent) *Consent {
	c := &Consent{
		Subject: w.Subject, Site: w.Site, Time: time.UnixMilli(w.TimeMs).UTC(), Method: w.Method, Surface: w.Surface,
		NoticeVersion: w.NoticeVersion, NoticeLanguage: w.NoticeLanguage,
		PolicyVersion: int(w.PolicyVersion), Regime: w.Regime, Country: w.Country, Region: w.Region,
		Signal: w.Signal, Age: w.Age, Guardian: w.Guardian, KeepUntil: w.KeepUntil, Withdraws: w.Withdraws,
	}
	copy(c.ID[:], w.Id)
	copy(c.Previous[:], w.Previous)
	copy(c.Salt[:], w.Salt)
	copy(c.NoticeHash[:], w.NoticeHash)
	for _, p := range w.Purposes {
		c.Purposes = append(c.Purposes, PurposeDecision{Purpose: p.Purpose, Version: int(p.Version), Granted: p.Granted})
	}
	for _, s := range w.Services {
		c.Services = append(c.Services, ServiceDecision{Service: s.Service, Granted: s.Granted})
	}
	return c
}

func refusalToWire(r *Refusal) *wire.Refusal {
	return &wire.Refusal{
		Site: r.Site, Hour: r.Hour.Unix(), Kind: uint32(r.Kind), Reason: uint32(r.Reason),
		Country: r.Country, Device: r.Device, Count: r.Count,
	}
}

func refusalFromWire(w *wire.Refusal) *Refusal {
	return &Refusal{
		Site: w.Site, Hour: time.Unix(w.Hour, 0).UTC(), Kind: Kind(w.Kind), Reason: Reason(w.Reason),
		Country: w.Country, Device: w.Device, Count: w.Count,
	}
}

func noticeToWire(n *Notice) *wire.Notice {
	return &wire.Notice{
		Site: n.Site, Day: n.Day, Outcome: string(n.Outcome), Country: n.Country, Device: n.Device,
		Language: n.Language, Version: n.Version, Count: n.Count,
	}
}

func noticeFromWire(w *wire.Notice) *Notice {
	return &Notice{
		Site: w.Site, Day: w.Day, Outcome: Outcome(w.Outcome), Country: w.Country, Device: w.Device,
		Language: w.Language, Version: w.Version, Count: w.Count,
	}
}

func erasureToWire(e *Erasure) *wire.Erasure {
	return &wire.Erasure{
		Site: e.Site, Hash: e.Hash[:], Subject: e.Subject, RequestedMs: e.Requested.UnixMilli(), By: string(e.By),
	}
}

func erasureFromWire(w *wire.Erasure) *Erasure {
	e := &Erasure{Site: w.Site, Subject: w.Subject, Requested: time.UnixMilli(w.RequestedMs).UTC(), By: Requester(w.By)}
	copy(e.Hash[:], w.Hash)
	return e
}

func wordingToWire(w *Wording) *wire.Wording {
	return &wire.Wording{Site: w.Site, Hash: w.Hash[:], Language: w.Language, Version: w.Version, Text: w.Text}
}

func wordingFromWire(w *wire.Wording) *Wording {
	t := &Wording{Site: w.Site, Language: w.Language, Version: w.Version, Text: w.Text}
	copy(t.Hash[:], w.Hash)
	return t
}
