package main

// file is kunji.yaml as it is written: texts that are parsed later, so that
// each fault can name its line. kunji.schema.json describes the same keys, and
// a test keeps the two equal.
type file struct {
	DataDir    string         `json:"data_dir"`
	Region     string         `json:"region"`
	Edge       fileEdge       `json:"edge"`
	Console    fileConsole    `json:"console"`
	Ops        fileOps        `json:"ops"`
	Jobs       bool           `json:"jobs"`
	Keys       fileKeys       `json:"keys"`
	ClickHouse fileClickHouse `json:"clickhouse"`
	GeoIP      fileGeoIP      `json:"geoip"`
	Spool      fileSpool      `json:"spool"`
	SMTP       fileSMTP       `json:"smtp"`
	Retention  fileRetention  `json:"retention"`
	Sites      []fileSite     `json:"sites"`
}

type fileEdge struct {
	Listen         string   `json:"listen"`
	PublicURL      string   `json:"public_url"`
	TrustedProxies []string `json:"trusted_proxies"`
	RateLimit      int      `json:"rate_limit"`
	TLS            fileTLS  `json:"tls"`
}

type fileTLS struct {
	Mode      string `json:"mode"`
	Cert      string `json:"cert"`
	Key       string `json:"key"`
	Email     string `json:"email"`
	Directory string `json:"directory"`
	Roots     string `json:"roots"`
}

type fileConsole struct {
	Listen         string      `json:"listen"`
	PublicURL      string      `json:"public_url"`
	TrustedProxies []string    `json:"trusted_proxies"`
	TLS            fileTLS     `json:"tls"`
	Users          []fileUser  `json:"users"`
	Tokens         []fileToken `json:"tokens"`
}

type fileUser struct {
	Name     string   `json:"name"`
	Argon2id string   `json:"argon2id"`
	Role     string   `json:"role"`
	Sites    []string `json:"sites"`
}

type fileToken struct {
	Name   string   `json:"name"`
	SHA256 string   `json:"sha256"`
	Role   string   `json:"role"`
	Sites  []string `json:"sites"`
}

type fileOps struct {
	Listen string `json:"listen"`
}

type fileKeys struct {
	File string `json:"file"`
}

type fileClickHouse struct {
	DSN     string `json:"dsn"`
	Cluster string `json:"cluster"`
}

type fileGeoIP struct {
	Database    string `json:"database"`
	ASNDatabase string `json:"asn_database"`
}

type fileSpool struct {
	Durability string    `json:"durability"`
	MaxBytes   looseText `json:"max_bytes"`
	Encrypt    bool      `json:"encrypt"`
}

type fileSMTP struct {
	Host     string `json:"host"`
	Port     int    `json:"port"`
	User     string `json:"user"`
	Password string `json:"password"`
	From     string `json:"from"`
}

type fileRetention struct {
	Events     string `json:"events"`
	Consents   string `json:"consents"`
	Quarantine string `json:"quarantine"`
}

type fileSite struct {
	ID              string                  `json:"id"`
	Name            string                  `json:"name"`
	Domains         []string                `json:"domains"`
	Endpoints       []string                `json:"endpoints"`
	Controller      fileController          `json:"controller"`
	Region          string                  `json:"region"`
	Timezone        string                  `json:"timezone"`
	Currency        string                  `json:"currency"`
	Status          string                  `json:"status"`
	Purposes        []filePurpose           `json:"purposes"`
	Services        []fileService           `json:"services"`
	CrossBorder     map[string]fileTransfer `json:"cross_border"`
	Minors          fileMinors              `json:"minors"`
	Regimes         map[string]string       `json:"regimes"`
	ConsentLifetime string                  `json:"consent_lifetime"`
	PolicyDir       string                  `json:"policy_dir"`
	EventProps      map[string][]string     `json:"event_props"`
	MinGroup        int                     `json:"min_group"`
	Mail            fileMail                `json:"mail"`
	ConsentMode     bool                    `json:"consent_mode"`
	BlockHosts      []string                `json:"block_hosts"`
	Retention       fileSiteRetention       `json:"retention"`
	Banner          fileBanner              `json:"banner"`
}

type fileController struct {
	Name       string `json:"name"`
	Address    string `json:"address"`
	Email      string `json:"email"`
	Complaints string `json:"complaints"`
}

type fileService struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Purpose   string   `json:"purpose"`
	Provider  string   `json:"provider"`
	Country   string   `json:"country"`
	Data      string   `json:"data"`
	Use       string   `json:"use"`
	Retention string   `json:"retention"`
	Hosts     []string `json:"hosts"`
	Cookies   []string `json:"cookies"`
	Storage   []string `json:"storage"`
}

type fileTransfer struct {
	Recipient  string `json:"recipient"`
	Country    string `json:"country"`
	Purpose    string `json:"purpose"`
	Safeguards string `json:"safeguards"`
	Risks      string `json:"risks"`
}

type fileMinors struct {
	Ask bool `json:"ask"`
	Age int  `json:"age"`
}

type fileMail struct {
	UnsubscribeWebhook string `json:"unsubscribe_webhook"`
}

type fileSiteRetention struct {
	Events   string `json:"events"`
	Consents string `json:"consents"`
}

type fileBanner struct {
	Layout    string    `json:"layout"`
	Reason    string    `json:"reason"`
	Languages []string  `json:"languages"`
	Theme     fileTheme `json:"theme"`
	Button    *bool     `json:"button"`
}

type fileTheme struct {
	Bg             string `json:"bg"`
	Text           string `json:"text"`
	Border         string `json:"border"`
	ButtonBg       string `json:"button_bg"`
	ButtonText     string `json:"button_text"`
	Radius         string `json:"radius"`
	Font           string `json:"font"`
	DarkBg         string `json:"dark_bg"`
	DarkText       string `json:"dark_text"`
	DarkBorder     string `json:"dark_border"`
	DarkButtonBg   string `json:"dark_button_bg"`
	DarkButtonText string `json:"dark_button_text"`
}

// filePurpose is a name, or a name with a version.
type filePurpose struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
}
