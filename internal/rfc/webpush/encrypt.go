package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// MaxPlaintext is how long a message may be: what a record of 4096 bytes has room for beside header, tag and delimiter (RFC 8291 4).
const MaxPlaintext = 3993

const (
	recordSize = 4096
	saltSize   = 16
	keyIDSize  = 65 // the sender's public key
	headerSize = saltSize + 4 + 1 + keyIDSize
	tagSize    = 16
)

// Keys are those of a subscription, made by the user agent (RFC 8291 2).
type Keys struct {
	Public *ecdh.PublicKey // p256dh
	Auth   []byte          // 16 bytes
}

var errKeys = errors.New("p256dh is an uncompressed point on P-256 and auth is 16 bytes, both as base64url")

// ParseKeys reads keys as browsers write them: base64url; padding is allowed.
func ParseKeys(p256dh, auth string) (k Keys, err error) {
	point, err1 := decode(p256dh)
	secret, err2 := decode(auth)
	if err1 != nil || err2 != nil {
		return Keys{}, errKeys
	}
	return KeysOf(point, secret)
}

func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// ErrTooLong is a message that no push service need take.
var ErrTooLong = fmt.Errorf("a push message has at most %d bytes", MaxPlaintext)

// Encrypt makes the body of a request with the Content-Encoding aes128gcm, under a new key and salt.
func Encrypt(plaintext []byte, to Keys) ([]byte, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var salt [saltSize]byte
	rand.Read(salt[:]) // never fails
	return encrypt(plaintext, to, key, salt[:])
}

func encrypt(plaintext []byte, to Keys, from *ecdh.PrivateKey, salt []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, ErrTooLong
	}
	shared, err := from.ECDH(to.Public)
	if err != nil {
		return nil, err
	}
	aead, nonce, err := contentKey(shared, to.Auth, to.Public.Bytes(), from.PublicKey().Bytes(), salt)
	if err != nil {
		return nil, err
	}
	// RFC 8188 2.1: salt, record size, length of the key id, key id.
	out := append(make([]byte, 0, headerSize+len(plaintext)+1+tagSize), salt...)
	out = binary.BigEndian.AppendUint32(out, recordSize)
	out = append(append(out, keyIDSize), from.PublicKey().Bytes()...)
	// RFC 8188 2: the last record ends with the delimiter 2.
	return aead.Seal(out, nonce, append(append(make([]byte, 0, len(plaintext)+1), plaintext...), 2), nil), nil
}

// contentKey derives what a record is sealed with (RFC 8291 3.4).
func contentKey(shared, auth, receiver, sender, salt []byte) (aead cipher.AEAD, nonce []byte, err error) {
	ikm, err := hkdf.Key(sha256.New, shared, auth, "WebPush: info\x00"+string(receiver)+string(sender), 32)
	if err != nil {
		return nil, nil, err
	}
	key, err := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, nil, err
	}
	if nonce, err = hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12); err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err == nil {
		aead, err = cipher.NewGCM(block)
	}
	return aead, nonce, err
}

var errMessage = errors.New("not a message of one record that is encrypted for this key")

// Decrypt is the user agent's end: it reads a body with the Content-Encoding aes128gcm.
func Decrypt(body []byte, own *ecdh.PrivateKey, auth []byte) ([]byte, error) {
	if len(body) < headerSize+tagSize+1 || body[saltSize+4] != keyIDSize {
		return nil, errMessage
	}
	salt, size, sender := body[:saltSize], binary.BigEndian.Uint32(body[saltSize:]), body[headerSize-keyIDSize:headerSize]
	if uint64(len(body)-headerSize) > uint64(size) {
		return nil, errMessage // RFC 8291 4: one record
	}
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, errMessage
	}
	shared, err := own.ECDH(public)
	if err != nil {
		return nil, errMessage
	}
	aead, nonce, err := contentKey(shared, auth, own.PublicKey().Bytes(), sender, salt)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nonce, body[headerSize:], nil)
	if err != nil {
		return nil, errMessage
	}
	for len(text) > 0 && text[len(text)-1] == 0 { // padding
		text = text[:len(text)-1]
	}
	if len(text) == 0 || text[len(text)-1] != 2 {
		return nil, errMessage
	}
	return text[:len(text)-1], nil
}

// KeysOf are keys in the form in which they are kept: the bytes of Keys.Public and Keys.Auth.
func KeysOf(point, auth []byte) (k Keys, err error) {
	if k.Public, err = ecdh.P256().NewPublicKey(point); err != nil || len(auth) != 16 {
		return Keys{}, errKeys
	}
	k.Auth = auth
	return k, nil
}
