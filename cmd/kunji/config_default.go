package main

import (
	"bytes"
	"encoding/json"
)

// defaults is the file that an empty one stands for: everything but sites.
func defaults() file {
	return file{
		DataDir:    "./data",
		Region:     "cn",
		Edge:       fileEdge{Listen: "127.0.0.1:8080", PublicURL: "http://127.0.0.1:8080", RateLimit: 200, TLS: fileTLS{Mode: "off"}},
		Console:    fileConsole{Listen: "127.0.0.1:9080", TLS: fileTLS{Mode: "off"}},
		Ops:        fileOps{Listen: "127.0.0.1:9081"},
		Jobs:       true,
		ClickHouse: fileClickHouse{DSN: "embedded"},
		Spool:      fileSpool{Durability: "sync", MaxBytes: "10GiB"},
		SMTP:       fileSMTP{Port: 587},
		Retention:  fileRetention{Events: "395d", Consents: "5y", Quarantine: "30d"},
	}
}

// UnmarshalJSON begins each site with the defaults of a site. Its name,
// region, endpoints and terms default to values from elsewhere in the file.
func (s *fileSite) UnmarshalJSON(data []byte) error {
	type plain fileSite
	site := plain{
		Timezone:        "UTC",
		Currency:        "USD",
		Status:          "live",
		Purposes:        []filePurpose{{"preferences", 1}, {"analytics", 1}, {"marketing", 1}},
		Minors:          fileMinors{Age: 18},
		ConsentLifetime: "180d",
		MinGroup:        5,
		Banner:          fileBanner{Layout: "bar", Languages: []string{"en"}},
	}
	if err := json.Unmarshal(data, &site); err != nil {
		return err
	}
	*s = fileSite(site)
	return nil
}

// UnmarshalJSON takes analytics as well as {id: analytics, version: 2}.
func (p *filePurpose) UnmarshalJSON(data []byte) error {
	p.Version = 1
	if bytes.HasPrefix(data, []byte(`"`)) {
		return json.Unmarshal(data, &p.ID)
	}
	type plain filePurpose
	return json.Unmarshal(data, (*plain)(p))
}
