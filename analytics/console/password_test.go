package console

import (
	"strings"
	"testing"
)

func TestPasswordsHash(t *testing.T) {
	phc, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s is not in PHC format with the costs that are documented", phc)
	}
	h, err := parseHash(phc)
	if err != nil {
		t.Fatal(err)
	}
	if !h.matches("correct horse") || h.matches("correct horsf") || h.matches("") {
		t.Error("the hash does not tell right from wrong")
	}
	again, err := HashPassword("correct horse")
	if err != nil || again == phc {
		t.Errorf("the same hash twice: the salt is not random (%v)", err)
	}
	if _, err := HashPassword("short"); err == nil {
		t.Error("a password of 5 bytes was taken")
	}
}

func TestBadHashesAreRefusedWithoutRepeatingThem(t *testing.T) {
	const secret = "c2VjcmV0c2VjcmV0c2VjcmV0"
	for name, phc := range map[string]string{
		"empty":         "",
		"bcrypt":        "$2y$10$" + secret,
		"argon2i":       "$argon2i$v=19$m=64,t=1,p=1$" + secret + "$" + secret,
		"other version": "$argon2id$v=16$m=64,t=1,p=1$" + secret + "$" + secret,
		"no cost":       "$argon2id$v=19$m=64$" + secret + "$" + secret,
		"too dear":      "$argon2id$v=19$m=99999999,t=1,p=1$" + secret + "$" + secret,
		"no lanes":      "$argon2id$v=19$m=64,t=1,p=0$" + secret + "$" + secret,
		"short salt":    "$argon2id$v=19$m=64,t=1,p=1$AAAA$" + secret,
		"bad key":       "$argon2id$v=19$m=64,t=1,p=1$" + secret + "$" + secret + "!",
	} {
		if _, err := parseHash(phc); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccountsAreChecked(t *testing.T) {
	good := User{"ada", quickHash("x"), Marketer, []string{"*"}}
	for name, a := range map[string]Accounts{
		"no name":    {Users: []User{{"", good.Argon2id, Marketer, nil}}},
		"twice":      {Users: []User{good, good}},
		"bad hash":   {Users: []User{{"ada", "plain text", Marketer, nil}}},
		"bad role":   {Users: []User{{"ada", good.Argon2id, "boss", nil}}},
		"bad sha256": {Tokens: []Token{{"t", "abc", Admin, nil}}},
		"token role": {Tokens: []Token{{"t", strings.Repeat("ab", 32), "boss", nil}}},
	} {
		if a.Check() == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := (Accounts{Users: []User{good}, Tokens: []Token{tokenFor("t", Operator)}}).Check(); err != nil {
		t.Error(err)
	}
}
