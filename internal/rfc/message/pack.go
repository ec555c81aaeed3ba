package message

import "encoding/binary"

// packer writes text as pieces of what a reader has before it: the binary form of the summary up to here, which holds
// most values of the fields as well, and a text of what fields often begin with. Packed are, again and again:
//
//	a uvarint, twice a length, and that many bytes; or
//	a uvarint, twice a length and 1, and a uvarint place: that many bytes from there, counted from the start of packText
//	and on into the summary
type packer struct {
	before []byte
	places [1 << packBits]uint16 // where four bytes of that hash stood last, plus 1
	out    []byte
}

const (
	packBits  = 10
	minCopied = 6
	maxPacked = 1<<16 - 2 // places have 16 bits
)

// packText is stored by its places: never change, only append.
const packText = "Date: From: Sender: Reply-To: To: Cc: Subject: Re: Fwd: Message-ID: <Message-Id: <In-Reply-To: <References: <" +
	">\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\n" +
	"Content-Type: multipart/alternative;\r\n\tboundary=\"Content-Type: multipart/mixed;\r\n boundary=\"multipart/related; boundary=\"=_" +
	"; charset=us-ascii; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Transfer-Encoding: 7bit\r\n" +
	"Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\nMime-Version: 1.0\r\n" +
	"Content-Language: en-US\r\nX-Priority: 3\r\nImportance: Normal\r\nList-Id: <List-Post: <mailto:List-Archive: <https://" +
	"List-Unsubscribe: <mailto:>, <https://List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Subscribe: <http://" +
	"?subject=unsubscribe>Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\nPrecedence: list\r\nX-Mailer: User-Agent: " +
	"Delivered-To: Return-Path: <X-Spam-Status: No, score=-X-Original-To: =?utf-8?Q?=?UTF-8?B?=?= <@gmail.com> +0000 (UTC)\r\n+0100\r\n+0200\r\n"

var packTextPlaces = func() (places [1 << packBits]uint16) {
	for i := 0; i+4 <= len(packText); i++ {
		places[packHash(packText[i:i+4])] = uint16(i + 1)
	}
	return places
}()

func packHash[T string | []byte](b T) uint32 {
	v := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	return v * 2654435761 >> (32 - packBits)
}

func newPacker(before []byte) *packer {
	p := &packer{before: before[:min(len(before), maxPacked-len(packText))], places: packTextPlaces}
	for i := 0; i+4 <= len(p.before); i++ {
		p.places[packHash(p.before[i:i+4])] = uint16(len(packText) + i + 1)
	}
	return p
}

// pack returns text packed, valid until the next call.
func (p *packer) pack(text []byte) []byte {
	p.out = p.out[:0]
	literal := 0
	for i := 0; i+minCopied <= len(text); {
		at := int(p.places[packHash(text[i:i+4])]) - 1
		n := p.common(at, text[i:])
		if n < minCopied {
			i++
			continue
		}
		p.literal(text[literal:i])
		p.out = binary.AppendUvarint(binary.AppendUvarint(p.out, uint64(n)<<1|1), uint64(at))
		i += n
		literal = i
	}
	p.literal(text[literal:])
	return p.out
}

func (p *packer) literal(b []byte) {
	if len(b) > 0 {
		p.out = append(binary.AppendUvarint(p.out, uint64(len(b))<<1), b...)
	}
}

// common is how many bytes of text stand at a place.
func (p *packer) common(at int, text []byte) (n int) {
	if at < 0 {
		return 0
	}
	if at < len(packText) {
		for n < len(text) && at+n < len(packText) && packText[at+n] == text[n] {
			n++
		}
		return n
	}
	at -= len(packText)
	for n < len(text) && at+n < len(p.before) && p.before[at+n] == text[n] {
		n++
	}
	return n
}

// unpack appends to b what was packed.
func unpack(b, packed, before []byte) (out []byte, ok bool) {
	for len(packed) > 0 {
		v, n := binary.Uvarint(packed)
		if n <= 0 {
			return b, false
		}
		packed = packed[n:]
		length := v >> 1
		if v&1 == 0 {
			if length > uint64(len(packed)) {
				return b, false
			}
			b, packed = append(b, packed[:length]...), packed[length:]
			continue
		}
		at, n := binary.Uvarint(packed)
		if n <= 0 || length > maxListed || at > maxPacked {
			return b, false
		}
		packed = packed[n:]
		if end := at + length; end <= uint64(len(packText)) {
			b = append(b, packText[at:end]...)
			continue
		}
		at -= uint64(len(packText))
		if at > uint64(len(before)) || length > uint64(len(before))-at {
			return b, false
		}
		b = append(b, before[at:at+length]...)
	}
	return b, true
}
