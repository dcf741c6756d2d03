package main

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/mail"
	"github.com/kunjicloud/kunji/edge/server"
	"github.com/kunjicloud/kunji/edge/site"
)

// rightsMailer writes the mail in which somebody gets their rights address.
type rightsMailer struct{ outbox *mail.Outbox }

// SendRight puts the mail into the outbox.
func (m rightsMailer) SendRight(to mail.Address, r server.RightMail) error {
	return m.outbox.Post(to, rightLetter(r))
}

// rightLetter says the same in Chinese or in English.
func rightLetter(r server.RightMail) mail.Letter {
	name := siteName(r.Site)
	l := mail.Letter{
		Subject: name + ": what is kept about you",
		Text: "Somebody, probably you, asked at " + name + " what is kept about this mail address.\n\n" +
			"See, copy, correct or erase it here. The address works for 30 minutes, until something is changed with it:\n\n" + r.Address + "\n\n" +
			"If it was not you, do nothing: nothing changes.\n" + signature(r.Site),
		Until: r.Until,
	}
	if strings.HasPrefix(r.Lang, "zh") {
		l.Subject = name + "：保存的与您有关的数据"
		l.Text = "有人（应该是您本人）在" + name + "查询与此邮箱地址有关的数据。\n\n" +
			"请通过以下链接查阅、复制、更正或删除。链接在 30 分钟内有效，使用它做出更改后即失效：\n\n" + r.Address + "\n\n" +
			"如果不是您本人操作，请忽略此邮件，不会有任何更改。\n" + signature(r.Site)
	}
	return l
}

func siteName(st *site.Site) string {
	if st.Name != "" {
		return st.Name
	}
	return st.ID
}

// signature is who answers for the data.
func signature(st *site.Site) string {
	var lines []string
	for _, line := range []string{st.Controller.Name, st.Controller.Address, st.Controller.Email} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n-- \n" + strings.Join(lines, "\n") + "\n"
}

// openOutbox opens what sends mail; nothing where no mail server is configured.
func (s *service) openOutbox() (err error) {
	c := s.cfg.SMTP
	if c.Host == "" {
		return nil
	}
	relay := mail.Relay{Host: c.Host, Port: c.Port, User: c.User, Password: c.Password, From: c.From, Now: time.Now}
	s.outbox, err = mail.OpenOutbox(mail.OutboxOptions{
		Dir:  filepath.Join(s.cfg.DataDir, "outbox"),
		Seal: func(plain []byte) string { return s.ring.Seal(identity.Letter, plain) },
		Open: func(sealed string) ([]byte, error) { return s.ring.Unseal(identity.Letter, sealed) },
		Send: relay.Send, Now: time.Now, Logger: s.log,
	})
	return err
}

// rightsMail is what the edge sends rights addresses by; nil without a mail server.
func (s *service) rightsMail() server.RightsMailer {
	if s.outbox == nil {
		return nil
	}
	return rightsMailer{s.outbox}
}

// sendMail sends what waits until ctx ends.
func (s *service) sendMail(ctx context.Context) {
	if s.outbox != nil {
		s.outbox.Run(ctx)
	}
}
