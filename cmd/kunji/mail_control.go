package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/kunjicloud/kunji/analytics/console"
	"github.com/kunjicloud/kunji/analytics/report"
)

// instrumentAnswer is what the service tells kunji mail over the control
// socket: the mail, or why there is none.
type instrumentAnswer struct {
	Made         *console.MailMade `json:"made,omitempty"`
	Unsubscribed bool              `json:"unsubscribed,omitempty"`
	Wrong        *report.Error     `json:"wrong,omitempty"` // of what was asked
}

func (a instrumentAnswer) result() (*console.MailMade, error) {
	switch {
	case a.Unsubscribed:
		return nil, console.ErrUnsubscribed
	case a.Wrong != nil:
		return nil, a.Wrong
	case a.Made == nil:
		return nil, errors.New("the service made no mail: is it of this version?")
	}
	return a.Made, nil
}

// controlInstrument makes a mail for kunji mail.
func (s *service) controlInstrument(r *http.Request) (any, error) {
	var w console.MailWanted
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 4*maxMail)).Decode(&w); err != nil {
		return nil, errors.New("the mail cannot be read: is the service of this version?")
	}
	made, err := instrumentOne(r.Context(), s.mail, s.live.Load(), w)
	var wrong *report.Error
	switch {
	case errors.Is(err, console.ErrUnsubscribed):
		return instrumentAnswer{Unsubscribed: true}, nil
	case errors.As(err, &wrong):
		return instrumentAnswer{Wrong: wrong}, nil
	case err != nil:
		return nil, err
	}
	return instrumentAnswer{Made: made}, nil
}
