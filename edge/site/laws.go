package site

import "strings"

// Law is what the law of one place says about counting visits before the
// visitor has chosen.
type Law struct {
	Place  string // ISO 3166-1 country or ISO 3166-2 region: "DE", "US-CA"
	OptOut bool   // a site may choose opt_out there
	Source string // statute and article
}

// LawOf finds the law of a region, else of its country. It reports false for a
// place that the table does not hold: ask a lawyer, and use opt_in until then.
//
// The table serves `kunji check` alone. What happens to a visit is decided by
// the regimes that a site names, and everything unnamed is opt_in.
func LawOf(place string) (Law, bool) {
	if law, ok := lawExactly(place); ok {
		return law, true
	}
	country, _, _ := strings.Cut(place, "-")
	return lawExactly(country)
}

// StricterRegions lists the regions of a country whose law does not allow
// opt_out although the country's does: a row for the country covers them too.
func StricterRegions(country string) []Law {
	var out []Law
	for _, table := range [][]Law{world, unitedStates} {
		for _, law := range table {
			if !law.OptOut && strings.HasPrefix(law.Place, country+"-") {
				out = append(out, law)
			}
		}
	}
	return out
}

func lawExactly(place string) (Law, bool) {
	for _, country := range eea {
		if country == place {
			return Law{place, false, eeaSource(place)}, true
		}
	}
	for _, table := range [][]Law{world, unitedStates} {
		for _, law := range table {
			if law.Place == place {
				return law, true
			}
		}
	}
	return Law{}, false
}

// eea is the European Union and the three EFTA states of the European Economic
// Area, where both the ePrivacy Directive and the GDPR hold.
var eea = []string{
	"AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE",
	"IT", "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE",
	"IS", "LI", "NO",
}

// transposed names the national rule that carries Art. 5(3) of the ePrivacy
// Directive, where it is well established; the directive and the GDPR are the
// source for all.
var transposed = map[string]string{
	"AT": "TKG 2021 § 165(3)",
	"BE": "Act of 30 July 2018, Art. 10/2",
	"DE": "TDDDG § 25(1)",
	"ES": "LSSI (Ley 34/2002) Art. 22.2",
	"FI": "Act 917/2014, section 205",
	"FR": "Loi n° 78-17 Informatique et Libertés, Art. 82",
	"IE": "S.I. No. 336/2011, reg. 5",
	"IT": "Codice privacy (D.Lgs. 196/2003) Art. 122",
	"NL": "Telecommunicatiewet Art. 11.7a",
	"NO": "Ekomloven (2024) § 3-15",
	"PT": "Lei n.º 41/2004, Art. 5",
	"SE": "LEK (2022:482) ch. 9 § 28",
}

func eeaSource(country string) string {
	const all = "Directive 2002/58/EC Art. 5(3); GDPR Art. 4(11), 6(1)(a), 7"
	if own, ok := transposed[country]; ok {
		return own + "; " + all
	}
	return all
}

// world holds the other countries, and regions whose law differs from their
// country's.
var world = []Law{
	{"AU", true, "Privacy Act 1988 (Cth), Sch. 1: APP 3.2, 5, 7.2"},
	{"BR", false, "LGPD (Lei 13.709/2018) Art. 7(I), 8; ANPD, Guia Orientativo: Cookies (2022)"},
	{"CA", true, "PIPEDA Sch. 1, cl. 4.3, s. 6.1; OPC, Policy position on online behavioural advertising (opt-out, if not sensitive and not of children)"},
	{"CA-QC", false, "Act respecting the protection of personal information in the private sector (CQLR c. P-39.1) ss. 8.1, 12, 14"},
	{"CH", true, "Fernmeldegesetz (SR 784.10) Art. 45c; DSG (SR 235.1) Art. 6, 30"},
	{"CN", false, "PIPL Art. 13, 14; Network Data Security Management Regulations (2024) Art. 22"},
	{"GB", false, "PECR 2003 (S.I. 2003/2426) reg. 6; UK GDPR Art. 4(11), 7"},
	{"IN", false, "Digital Personal Data Protection Act 2023, ss. 4, 6"},
	{"JP", true, "APPI Art. 21, 27, 31; Telecommunications Business Act Art. 27-12"},
	{"KR", false, "PIPA Art. 15(1)(i), 22"},
	{"RU", false, "Federal Law 152-FZ Art. 6(1)(1), 9"},
	{"TH", false, "Personal Data Protection Act B.E. 2562 (2019) ss. 19, 24"},
	{"TR", false, "Law No. 6698 (KVKK) Art. 5(1)"},
}

// unitedStates: no federal law asks adults first; the states that have a
// comprehensive law give a right to opt out of sale and of targeted
// advertising. "Signal" marks those that make an opt-out signal such as
// Global Privacy Control binding. The edge honours the signal everywhere.
var unitedStates = []Law{
	{"US", true, "FTC Act § 5 (15 U.S.C. § 45); under 13: COPPA, 15 U.S.C. § 6502"},
	{"US-CA", true, "CCPA, Cal. Civ. Code §§ 1798.120, 1798.135; signal: 11 CCR § 7025"},
	{"US-CO", true, "Colorado Privacy Act, C.R.S. § 6-1-1306(1)(a); signal: § 6-1-1313, 4 CCR 904-3"},
	{"US-CT", true, "CTDPA, Conn. Gen. Stat. §§ 42-518, 42-520 (signal)"},
	{"US-DE", true, "Delaware Personal Data Privacy Act, 6 Del. C. §§ 12D-104, 12D-106 (signal)"},
	{"US-FL", true, "Florida Digital Bill of Rights, Fla. Stat. § 501.705"},
	{"US-IA", true, "Iowa Consumer Data Protection Act, Iowa Code § 715D.3"},
	{"US-IN", true, "Indiana Consumer Data Protection Act, Ind. Code § 24-15-3-1"},
	{"US-KY", true, "Kentucky Consumer Data Protection Act, KRS § 367.3615"},
	{"US-MD", true, "Maryland Online Data Privacy Act, Md. Code, Com. Law § 14-4701 et seq."},
	{"US-MN", true, "Minnesota Consumer Data Privacy Act, Minn. Stat. § 325M.14 (signal)"},
	{"US-MT", true, "Montana Consumer Data Privacy Act, Mont. Code § 30-14-2801 et seq. (signal)"},
	{"US-NE", true, "Nebraska Data Privacy Act, Neb. Rev. Stat. § 87-1101 et seq. (signal)"},
	{"US-NH", true, "N.H. RSA 507-H:4, 507-H:6 (signal)"},
	{"US-NJ", true, "New Jersey Data Privacy Act, N.J.S.A. 56:8-166.4 et seq. (signal)"},
	{"US-OR", true, "Oregon Consumer Privacy Act, ORS 646A.570 to 646A.589 (signal)"},
	{"US-RI", true, "Rhode Island Data Transparency and Privacy Protection Act, R.I. Gen. Laws § 6-48.1-1 et seq."},
	{"US-TN", true, "Tennessee Information Protection Act, Tenn. Code § 47-18-3301 et seq."},
	{"US-TX", true, "Texas Data Privacy and Security Act, Tex. Bus. & Com. Code §§ 541.051, 541.055 (signal)"},
	{"US-UT", true, "Utah Consumer Privacy Act, Utah Code § 13-61-201"},
	{"US-VA", true, "Virginia Consumer Data Protection Act, Va. Code § 59.1-577"},
}
