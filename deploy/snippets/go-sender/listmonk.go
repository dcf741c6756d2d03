package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/mail"
	"os"
	"strings"
	"time"
)

// maxPush bounds what listmonk may push at once, in bytes.
const maxPush = 16 << 20

// push is what listmonk sends to a messenger: one message, usually to one
// recipient (https://listmonk.app/docs/messengers/).
type push struct {
	Subject     string `json:"subject"`
	Body        string `json:"body"`
	ContentType string `json:"content_type"`
	Recipients  []struct {
		UUID  string `json:"uuid"`
		Email string `json:"email"`
		Name  string `json:"name"`
	} `json:"recipients"`
	Campaign struct {
		Name string `json:"name"`
	} `json:"campaign"`
}

// serve is a messenger of listmonk until it fails. In listmonk, add it under
// Settings, Messengers, with the user "listmonk" and LISTMONK_PASSWORD, choose it
// for a campaign of HTML, and leave listmonk's own {{ TrackView }} and
// {{ TrackLink }} out of the template: they would track whoever said no. The
// campaign's name becomes the campaign, the subscriber's UUID the ref that comes
// back when somebody leaves.
func serve(address string, s sender, list string) error {
	password := os.Getenv("LISTMONK_PASSWORD")
	if password == "" {
		return errors.New("-listen: set LISTMONK_PASSWORD, the password that listmonk sends")
	}
	server := &http.Server{
		Addr: address, Handler: messenger{s, list, sha256.Sum256([]byte(password))},
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
	}
	return server.ListenAndServe()
}

type messenger struct {
	sender
	list     string
	password [sha256.Size]byte
}

// ServeHTTP answers 200 when every recipient has been sent to or has left, so
// that listmonk does not try again; no answer and no log names a recipient.
func (m messenger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(password))
	if user != "listmonk" || subtle.ConstantTimeCompare(sum[:], m.password[:]) != 1 {
		w.Header().Set("WWW-Authenticate", `Basic realm="messenger"`)
		http.Error(w, "the user or the password is wrong", http.StatusUnauthorized)
		return
	}
	var p push
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPush)).Decode(&p); err != nil || r.Method != http.MethodPost || len(p.Recipients) == 0 {
		http.Error(w, "POST a message as listmonk does", http.StatusBadRequest)
		return
	}
	if p.ContentType == "plain" || strings.TrimSpace(p.Campaign.Name) == "" {
		http.Error(w, "only campaigns of HTML are sent, and each has a name", http.StatusBadRequest)
		return
	}
	for _, to := range p.Recipients {
		l := letter{&mail.Address{Name: to.Name, Address: to.Email}, p.Campaign.Name, to.UUID, m.list, p.Subject, p.Body}
		if err := m.send(l); err != nil && !errors.Is(err, errUnsubscribed) {
			http.Error(w, "a mail could not be made or handed over; try again", http.StatusBadGateway)
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}
