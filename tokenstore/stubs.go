package tokenstore

import (
	"context"
	"io"
)

type Service struct{}
type Session struct{}

func Open(ctx context.Context, store Store, o Options) (*Service, error) { return nil, ErrUnavailable }
func (s *Service) Configure(o Options)                                   {}
func (s *Service) Close() error                                          { return nil }
func (s *Service) Begin(ctx context.Context, secret Secret, c Caller) (*Session, error) {
	return nil, &Refusal{Reason: ReasonStore}
}
func (s *Service) Verify(secret Secret) (Record, error) { return Record{}, ErrUnavailable }

// Inspection is what Begin would decide, without a request.
type Inspection struct {
	Record  Record
	Grants  *Grants
	Refusal *Refusal // nil if accepted
}

func (s *Service) Inspect(secret Secret, c Caller) Inspection { return Inspection{} }
func (s *Service) InspectToken(ref string, c Caller) (Inspection, error) {
	return Inspection{}, ErrUnavailable
}

func (s *Session) Token() *Token                    { return nil }
func (s *Session) Key() string                      { return "" }
func (s *Session) Context() context.Context         { return nil }
func (s *Session) Grants() *Grants                  { return nil }
func (s *Session) Hold(may func(*Grants) bool) bool { return false }
func (s *Session) SetMCPMethod(method, name string) {}
func (s *Session) End()                             {}

func (s *Service) Live(tokenID string) []LiveRequest { return nil }
func (s *Service) LiveCount() int                    { return 0 }
func (s *Service) EndLive(ctx context.Context, a Actor, tokenID, requestID string) (int, error) {
	return 0, ErrUnavailable
}

func (s *Service) CreateToken(ctx context.Context, a Actor, n NewToken) (Record, Secret, error) {
	return Record{}, Secret{}, ErrUnavailable
}
func (s *Service) UpdateToken(ctx context.Context, a Actor, ref string, ifVersion uint64, p TokenPatch) (Record, error) {
	return Record{}, ErrUnavailable
}
func (s *Service) RotateToken(ctx context.Context, a Actor, ref string, ifVersion uint64, o RotateOptions) (Record, Secret, error) {
	return Record{}, Secret{}, ErrUnavailable
}
func (s *Service) FinishRotation(ctx context.Context, a Actor, ref string, ifVersion uint64) (Record, error) {
	return Record{}, ErrUnavailable
}
func (s *Service) SetActive(ctx context.Context, a Actor, ref string, ifVersion uint64, active bool, reason string) (Record, error) {
	return Record{}, ErrUnavailable
}
func (s *Service) DeleteToken(ctx context.Context, a Actor, ref string, ifVersion uint64) error {
	return ErrUnavailable
}
func (s *Service) Bulk(ctx context.Context, a Actor, b Bulk) (BulkResult, error) {
	return BulkResult{}, ErrUnavailable
}
func (s *Service) CreateGroup(ctx context.Context, a Actor, n NewGroup) (GroupRecord, error) {
	return GroupRecord{}, ErrUnavailable
}
func (s *Service) UpdateGroup(ctx context.Context, a Actor, name string, ifVersion uint64, p GroupPatch) (GroupRecord, error) {
	return GroupRecord{}, ErrUnavailable
}
func (s *Service) DeleteGroup(ctx context.Context, a Actor, name string, ifVersion uint64) error {
	return ErrUnavailable
}

func (s *Service) Token(ref string) (Record, error)       { return Record{}, ErrUnavailable }
func (s *Service) Tokens(q TokenQuery) (TokenPage, error) { return TokenPage{}, ErrUnavailable }
func (s *Service) Group(name string) (GroupRecord, error) { return GroupRecord{}, ErrUnavailable }
func (s *Service) Groups() []GroupRecord                  { return nil }
func (s *Service) PermissionsInUse() []PermissionUse      { return nil }
func (s *Service) Stats() Stats                           { return Stats{} }
func (s *Service) Audit(ctx context.Context, a Actor, q AuditQuery) (AuditPage, error) {
	return AuditPage{}, ErrUnavailable
}
func (s *Service) Backup(ctx context.Context, a Actor, w io.Writer) error { return ErrUnavailable }
func (s *Service) RecordRefusal(ctx context.Context, a Actor, action Action, reason string) {
}
func (s *Service) Key(ctx context.Context, name string) ([]byte, error) { return nil, ErrUnavailable }
func (s *Service) WriteCounts() (commits, flushes uint64)               { return 0, 0 }
