package identity

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// ErrPayload says that a signed payload does not say what its cookie should.
var ErrPayload = errors.New("the payload is not of a format known here")

// SessionGap is how long a session waits for its next hit.
const SessionGap = 30 * time.Minute

// SourceLifetime is how long kj_src lives.
const SourceLifetime = 90 * 24 * time.Hour

// AppendVisitor writes kj_vid's payload: site~visitor, the id in base 36.
func AppendVisitor(dst []byte, site string, visitor uint64) []byte {
	dst = append(append(dst, site...), '~')
	return strconv.AppendUint(dst, visitor, 36)
}

// ParseVisitor reads kj_vid's payload for a site.
func ParseVisitor(payload []byte, site string) (uint64, error) {
	of, id, _ := bytes.Cut(payload, []byte{'~'})
	v, err := strconv.ParseUint(string(id), 36, 64)
	if string(of) != site || err != nil || v == 0 {
		return 0, ErrPayload
	}
	return v, nil
}

// Session is kj_ses: a session and its last hit as the cookie knows it.
type Session struct {
	ID   uint64
	Last time.Time // seconds
}

// AppendSession writes kj_ses' payload: site~session~last hit.
func AppendSession(dst []byte, site string, s Session) []byte {
	dst = append(append(dst, site...), '~')
	dst = strconv.AppendUint(dst, s.ID, 36)
	dst = append(dst, '~')
	return strconv.AppendInt(dst, s.Last.Unix(), 10)
}

// ParseSession reads kj_ses' payload for a site.
func ParseSession(payload []byte, site string) (Session, error) {
	of, rest, _ := bytes.Cut(payload, []byte{'~'})
	id, last, _ := bytes.Cut(rest, []byte{'~'})
	v, err1 := strconv.ParseUint(string(id), 36, 64)
	t, err2 := strconv.ParseInt(string(last), 10, 64)
	if string(of) != site || err1 != nil || err2 != nil || v == 0 {
		return Session{}, ErrPayload
	}
	return Session{ID: v, Last: time.Unix(t, 0).UTC()}, nil
}

// Sources is kj_src: where a visitor came from first and last.
type Sources struct {
	First, Last event.Campaign
}

const sourceFields = 9

// AppendSources writes kj_src's payload: site~base64url of both campaigns'
// fields, each ended by the unit separator, which within a field becomes a
// space.
func AppendSources(dst []byte, site string, s *Sources) []byte {
	var text strings.Builder
	for _, c := range []*event.Campaign{&s.First, &s.Last} {
		for _, f := range []string{c.Source, c.Medium, c.Name, c.Content, c.Term, c.ID, c.ClickIDKind, c.Channel, c.ReferrerHost} {
			text.WriteString(strings.ReplaceAll(f, "\x1f", " "))
			text.WriteByte(0x1f)
		}
	}
	dst = append(append(dst, site...), '~')
	return encoding.AppendEncode(dst, []byte(text.String()))
}

// ParseSources reads kj_src's payload for a site.
func ParseSources(payload []byte, site string) (Sources, error) {
	of, rest, _ := bytes.Cut(payload, []byte{'~'})
	text, err := decode(nil, rest)
	if string(of) != site || err != nil {
		return Sources{}, ErrPayload
	}
	f := strings.Split(string(text), "\x1f")
	if len(f) != 2*sourceFields+1 {
		return Sources{}, ErrPayload
	}
	return Sources{First: campaignOf(f[:sourceFields]), Last: campaignOf(f[sourceFields:])}, nil
}

func campaignOf(f []string) event.Campaign {
	return event.Campaign{
		Source: f[0], Medium: f[1], Name: f[2], Content: f[3], Term: f[4], ID: f[5],
		ClickIDKind: f[6], Channel: f[7], ReferrerHost: f[8],
	}
}
