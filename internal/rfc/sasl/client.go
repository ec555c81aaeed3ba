package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Client is the client's end of an exchange. See the package's doc for its contract.
type Client interface {
	Mechanism() string
	// Next answers a challenge. The first call has nil, and returns the initial response.
	Next(challenge []byte) ([]byte, error)
	// Done is asked when the server says that all is well, and returns an error when it has not yet proved who it is.
	Done() error
}

// maxClientIterations bounds the work that a server can give a client.
const maxClientIterations = 1 << 20

// ErrNoMechanism is returned where client and server have no mechanism in common.
var ErrNoMechanism = errors.New("the server offers no mechanism that is spoken here: " + SCRAMSHA256Plus + ", " + SCRAMSHA256 + ", " + Plain + ", " + Login)

// NewClient picks the best of the mechanisms that a server offers. bindings are those of the connection, none without TLS. PLAIN and
// LOGIN give the password away: the caller knows whether the server may have it.
func NewClient(offered []string, user, password string, bindings []Binding) (Client, error) {
	has := func(name string) bool {
		return slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, name) })
	}
	scram := scramClient{user: user, password: password, nonce: rand.Text()}
	switch {
	case has(SCRAMSHA256Plus) && len(bindings) > 0:
		scram.name, scram.binding, scram.gs2 = SCRAMSHA256Plus, bindings[0].Data, "p="+bindings[0].Type+",,"
		return &scram, nil
	case has(SCRAMSHA256):
		scram.name, scram.gs2 = SCRAMSHA256, "n,,"
		if len(bindings) > 0 {
			scram.gs2 = "y,," // RFC 5802 6: we could have, and did not see -PLUS; a server that offered it notices
		}
		return &scram, nil
	case has(Plain):
		return &plainClient{name: Plain, responses: []string{"\x00" + user + "\x00" + password}}, nil
	case has(Login):
		return &plainClient{name: Login, responses: []string{"", user, password}}, nil
	}
	return nil, ErrNoMechanism
}

// plainClient says what it has to say, whatever it is asked: PLAIN at once, LOGIN name and password one after the other. Its first
// response is nil where the mechanism has no initial one.
type plainClient struct {
	name      string
	responses []string
}

func (c *plainClient) Mechanism() string { return c.name }
func (c *plainClient) Done() error       { return nil }

func (c *plainClient) Next([]byte) ([]byte, error) {
	if len(c.responses) == 0 {
		return nil, malformed("the server asks for more than %s has", c.name)
	}
	response := c.responses[0]
	c.responses = c.responses[1:]
	if response == "" {
		return nil, nil
	}
	return []byte(response), nil
}

// scramClient is the client of RFC 5802.
type scramClient struct {
	name, user, password string
	gs2                  string
	binding              []byte
	nonce                string
	step                 int
	bare                 string
	signature            []byte // what the server has to show
}

func (c *scramClient) Mechanism() string { return c.name }

func (c *scramClient) Next(challenge []byte) ([]byte, error) {
	step := c.step
	c.step++
	switch step {
	case 0:
		name := strings.NewReplacer(",", "=2C", "=", "=3D").Replace(c.user)
		c.bare = "n=" + name + ",r=" + c.nonce
		return []byte(c.gs2 + c.bare), nil
	case 1:
		return c.prove(string(challenge))
	case 2:
		return nil, c.checkServer(string(challenge))
	}
	c.step = 0
	return nil, errEnded
}

func (c *scramClient) Done() error {
	if c.step != 3 {
		return fmt.Errorf("%w: the server has not shown that it knows the password", ErrProof)
	}
	return nil
}

// prove answers the server's first message.
func (c *scramClient) prove(message string) ([]byte, error) {
	nonce, salt, iterations, err := parseServerFirst(message)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(nonce, c.nonce) || len(nonce) == len(c.nonce) {
		return nil, malformed("the server's nonce does not begin with ours, or adds nothing to it")
	}
	salted, err := pbkdf2.Key(sha256.New, c.password, salt, iterations, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive a SCRAM-SHA-256 key: %w", err)
	}
	without := "c=" + base64.StdEncoding.EncodeToString(append([]byte(c.gs2), c.binding...)) + ",r=" + nonce
	auth := c.bare + "," + message + "," + without
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	proof := make([]byte, sha256.Size)
	subtle.XORBytes(proof, clientKey, mac(stored[:], auth))
	c.signature = mac(mac(salted, "Server Key"), auth)
	return []byte(without + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// parseServerFirst reads r=nonce,s=salt,i=iterations, and extensions behind them.
func parseServerFirst(message string) (nonce string, salt []byte, iterations int, err error) {
	fields := strings.SplitN(message, ",", 4)
	if len(message) > MaxResponse || len(fields) < 3 || !strings.HasPrefix(fields[0], "r=") || !strings.HasPrefix(fields[1], "s=") || !strings.HasPrefix(fields[2], "i=") {
		return "", nil, 0, malformed("the server's first message is r=nonce,s=salt,i=iterations")
	}
	nonce = fields[0][2:]
	if err := checkNonce(nonce); err != nil {
		return "", nil, 0, err
	}
	salt, err = base64.StdEncoding.DecodeString(fields[1][2:])
	if err != nil || len(salt) == 0 {
		return "", nil, 0, malformed("the server's salt is not base64")
	}
	iterations, err = strconv.Atoi(fields[2][2:])
	if err != nil || iterations < MinIterations || iterations > maxClientIterations {
		return "", nil, 0, malformed("the server asks for %.20q iterations; %d to %d are done", fields[2][2:], MinIterations, maxClientIterations)
	}
	return nonce, salt, iterations, nil
}

func (c *scramClient) checkServer(message string) error {
	encoded, ok := strings.CutPrefix(message, "v=")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !hmac.Equal(signature, c.signature) {
		c.step = 0
		return fmt.Errorf("%w: the server does not know the password", ErrProof)
	}
	return nil
}
