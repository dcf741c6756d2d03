package server

import (
	"context"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/consent"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/site"
)

// receiptSchema names the structure of a receipt: ISO/IEC TS 27560:2023.
const receiptSchema = "ISO/IEC TS 27560:2023"

// receipt is a visitor's own copy of their decision, with the names of ISO/IEC
// TS 27560:2023: a header, what is processed, the parties, and the event. What
// the cookie does not know (the exact time, how it was decided, which wording)
// is there only when the ledger answers.
type receipt struct {
	SchemaVersion string          `json:"schema_version"`
	RecordID      string          `json:"record_id,omitempty"` // absent where nothing is granted
	ReceiptID     string          `json:"receipt_id"`
	PrincipalID   string          `json:"pii_principal_id,omitempty"` // keyed hash; absent without an identifier
	Site          string          `json:"site"`
	Source        string          `json:"source"` // cookie, or ledger
	Processing    processing      `json:"pii_processing"`
	Parties       []receiptParty  `json:"party_identification"`
	Events        []receiptEvent  `json:"event"`
	PolicyVersion int             `json:"policy_version"`
	Notice        receiptNotice   `json:"privacy_notice"`
	Signals       map[string]bool `json:"signals"`
}

type processing struct {
	Purposes         []receiptPurpose `json:"purposes"`
	Jurisdiction     string           `json:"jurisdictions,omitempty"`
	Regime           string           `json:"regime"`
	StorageLocation  string           `json:"storage_locations"`
	Retention        receiptRetention `json:"retention_period"`
	Recipients       []receiptService `json:"recipient_third_parties"`
	WithdrawalMethod []string         `json:"withdrawal_method"`
	PrivacyRights    []string         `json:"privacy_rights"`
}

type receiptPurpose struct {
	Purpose     string `json:"purpose"`
	Version     int    `json:"version"`
	LawfulBasis string `json:"lawful_basis"`
	Decision    string `json:"decision"`
}

type receiptRetention struct {
	Events   string `json:"events"` // ISO 8601 durations
	Consents string `json:"consents"`
}

type receiptService struct {
	ID       string `json:"party_id"`
	Name     string `json:"party_name,omitempty"`
	Provider string `json:"party_provider,omitempty"`
	Country  string `json:"processing_locations,omitempty"`
	Purpose  string `json:"purpose"`
	Decision string `json:"decision"`
}

type receiptParty struct {
	ID      string `json:"party_id"`
	Role    string `json:"party_role"`
	Name    string `json:"party_name,omitempty"`
	Address string `json:"party_address,omitempty"`
	Email   string `json:"party_email,omitempty"`
}

type receiptEvent struct {
	Time     string `json:"event_time,omitempty"` // RFC 3339, from the ledger
	Day      string `json:"event_day"`            // as the cookie has it, UTC
	Type     string `json:"event_type"`           // explicit
	State    string `json:"event_state"`          // given, refused
	Method   string `json:"method,omitempty"`
	Surface  string `json:"surface,omitempty"`
	Validity string `json:"validity_duration"`
	Age      string `json:"age,omitempty"`
	Guardian bool   `json:"guardian,omitempty"`
}

// receiptNotice is the wording that was decided by, from the ledger; without
// it the wording of today, which may be another.
type receiptNotice struct {
	AsShown  bool   `json:"as_shown"`
	Version  string `json:"version"`
	Hash     string `json:"hash,omitempty"` // SHA-256 of the wording, hexadecimal
	Language string `json:"language"`
	Wording  string `json:"wording,omitempty"`
	Policy   string `json:"policy"` // address of the policy's version
}

// getReceipt is GET /v1/consent/receipt: the visitor's own record, made from
// the cookie, and from the ledger when it answers.
func (s *Server) getReceipt(ctx *fasthttp.RequestCtx) {
	var v visit
	if v.site = s.requireSite(ctx, ctx.QueryArgs().Peek("site")); v.site == nil {
		return
	}
	s.locate(ctx, &v)
	now := s.opts.Now()
	if !s.limits.allow(v.rateKey, 1, now) {
		slow(ctx)
		return
	}
	s.judgeBy(ctx, &v, now)
	if v.situation.Record.Policy == 0 { // none, or voidConsent's, which nobody decided
		problem(ctx, fasthttp.StatusNotFound, "not_found", "This browser carries no decision that counts: there is nothing to give a receipt of.")
		return
	}
	r := s.receipt(ctx, &v)
	s.fromLedger(&v, r)
	asFile(ctx, "kunji-consent-"+v.site.ID+".json")
	writeJSON(ctx, fasthttp.StatusOK, r)
}

// receipt makes a receipt of what the cookie says.
func (s *Server) receipt(ctx *fasthttp.RequestCtx, v *visit) *receipt {
	st, rec := v.site, &v.situation.Record
	at := s.address(ctx, st)
	r := &receipt{
		SchemaVersion: receiptSchema, ReceiptID: identity.FormatID(identity.NewID()), Site: st.ID, Source: "cookie",
		PolicyVersion: rec.Policy,
		Notice:        noticeOf(s.currentWording(st, s.language(ctx, st)), at+"/policy/"+st.ID+"/"+strconv.Itoa(rec.Policy)), Signals: map[string]bool{"gpc": rec.Signal},
		Processing: processing{
			Regime: v.situation.Regime.String(), StorageLocation: st.Region,
			Retention:        receiptRetention{Events: isoDays(st.RetainEvents), Consents: isoDays(st.RetainConsents)},
			Recipients:       receiptServices(st, rec),
			WithdrawalMethod: []string{at + "/choices/" + st.ID}, PrivacyRights: []string{at + "/v1/me?site=" + st.ID},
			Purposes: []receiptPurpose{},
		},
		Parties: []receiptParty{{
			ID: "controller", Role: "PII controller", Name: st.Controller.Name, Address: st.Controller.Address, Email: st.Controller.Email,
		}},
		Events: []receiptEvent{{
			Day: day(rec.Day), Type: "explicit", State: "refused",
			Validity: isoDays(st.ConsentLifetime), Age: rec.Age.String(), Guardian: rec.Guardian,
		}},
	}
	if rec.Grants() {
		r.RecordID, r.Events[0].State = identity.FormatID(rec.ID), "given"
	}
	if visitor := s.visitor(v); visitor != 0 {
		r.PrincipalID = identity.FormatID(s.opts.Ring.SubjectHash(st.ID, visitor))
	}
	purposes, _ := rec.Ledger()
	for _, p := range purposes {
		r.Processing.Purposes = append(r.Processing.Purposes, receiptPurpose{
			Purpose: p.Purpose, Version: p.Version, LawfulBasis: "consent", Decision: decided(p.Granted),
		})
	}
	return r
}

// fromLedger adds what only the ledger knows. A refusal has no entry that
// could be found, since nothing in it names anybody.
func (s *Server) fromLedger(v *visit, r *receipt) {
	rec := &v.situation.Record
	if s.opts.Kept == nil || !rec.Grants() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), keptTimeout)
	defer cancel()
	entry, wording, err := s.opts.Kept.Decision(ctx, v.site.ID, rec.ID)
	if err != nil {
		s.opts.Logger.Warn("edge: a receipt was made without the ledger", "error", err)
		return
	}
	if entry.ID != rec.ID {
		return
	}
	r.Source = "ledger"
	e := &r.Events[0]
	e.Time, e.Method, e.Surface = entry.Time.UTC().Format(time.RFC3339), entry.Method, entry.Surface
	r.Processing.Regime, r.Processing.Jurisdiction = entry.Regime, jurisdiction(&entry)
	r.Notice = noticeOf(&event.Wording{
		Version: entry.NoticeVersion, Hash: entry.NoticeHash, Language: entry.NoticeLanguage, Text: wording,
	}, r.Notice.Policy)
	r.Notice.AsShown = true
}

func noticeOf(w *event.Wording, policy string) receiptNotice {
	n := receiptNotice{Version: w.Version, Language: w.Language, Wording: w.Text, Policy: policy}
	if w.Hash != ([32]byte{}) {
		n.Hash = hex.EncodeToString(w.Hash[:])
	}
	return n
}

// jurisdiction is the place whose law was followed: ISO 3166-2 where known,
// else ISO 3166-1.
func jurisdiction(e *event.Consent) string {
	if e.Region != "" {
		return e.Region
	}
	return e.Country
}

func receiptServices(st *site.Site, rec *consent.Record) []receiptService {
	list := make([]receiptService, 0, len(st.Services))
	for _, sv := range st.Services {
		granted := sv.Purpose == site.Necessary || rec.Choices[sv.Purpose].Decision == consent.Granted && rec.ServiceGranted(sv.ID)
		list = append(list, receiptService{
			ID: sv.ID, Name: sv.Name, Provider: sv.Provider, Country: sv.Country,
			Purpose: sv.Purpose.String(), Decision: decided(granted),
		})
	}
	return list
}

func decided(granted bool) string {
	if granted {
		return consent.Granted.String()
	}
	return consent.Denied.String()
}

// isoDays writes a duration of days (ISO 8601).
func isoDays(d time.Duration) string { return "P" + strconv.Itoa(int(d/(24*time.Hour))) + "D" }
