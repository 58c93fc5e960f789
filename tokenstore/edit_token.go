package tokenstore

import (
	"cmp"
	"context"
	"time"
)

// NewToken is what CreateToken makes a token of. Of the three expiry fields at
// most one is set; with none the token gets the default expiry.
type NewToken struct {
	Name        string // required
	Description string
	User        string // defaults to the actor's name

	ExpiresIn    string // as ParseDuration reads it, or "never"
	ExpiresAt    *time.Time
	NeverExpires bool

	Groups       []string
	Permissions  []string
	AllowedCIDRs []string // prefixes, or single addresses
	Audiences    []string
	RateLimit    string
	Disabled     bool
}

// TokenPatch changes what is not nil; of the three expiry fields at most one
// is set, and none leaves the expiry as it is.
type TokenPatch struct {
	Name        *string
	Description *string
	User        *string
	IsActive    *bool

	ExpiresIn    string
	ExpiresAt    *time.Time
	NeverExpires bool

	Groups       *[]string
	Permissions  *[]string
	AllowedCIDRs *[]string
	Audiences    *[]string
	RateLimit    *string // "" takes the token's own limit away
}

// RotateOptions say how a token is rotated. Without an expiry field the token
// keeps its expiry.
type RotateOptions struct {
	// Grace is how long the old secret works on, up to MaxGrace.
	Grace time.Duration

	ExpiresIn    string
	ExpiresAt    *time.Time
	NeverExpires bool
}

// MaxGrace is the longest grace of a rotation.
const MaxGrace = 30 * 24 * time.Hour

// CreateToken makes a token and returns the only copy of its secret. Errors:
// *FieldError, *NameTakenError, *ForbiddenError, ErrUnavailable, ErrClosed.
func (s *Service) CreateToken(ctx context.Context, a Actor, n NewToken) (Record, Secret, error) {
	secret := NewSecret()
	record, err := s.edit(ctx, a, ActionTokenCreate, func(d *draft) (string, error) {
		d.target = Target{Type: "token", Name: clip(n.Name)}
		if err := d.require(RightAddToken); err != nil {
			return "", err
		}
		t := &Token{
			ID:         "tok_" + randomText(16),
			IsActive:   !n.Disabled,
			CreatedAt:  instant(d.now),
			CreatedBy:  a.name(),
			Credential: NewCredential(secret),
		}
		end := expiry{n.ExpiresIn, n.ExpiresAt, n.NeverExpires}
		if !end.given() {
			options := s.options.Load()
			life := options.DefaultExpiry
			if options.MaxExpiry > 0 {
				life = min(life, options.MaxExpiry)
			}
			at := d.now.Add(life)
			end.at = &at
		}
		user := cmp.Or(n.User, a.name())
		err := d.patch(t, TokenPatch{
			Name: &n.Name, Description: &n.Description, User: &user,
			ExpiresIn: end.in, ExpiresAt: end.at, NeverExpires: end.never,
			Groups: &n.Groups, Permissions: &n.Permissions,
			AllowedCIDRs: &n.AllowedCIDRs, Audiences: &n.Audiences, RateLimit: &n.RateLimit,
		})
		if err != nil {
			return "", err
		}
		if err := d.put(nil, t, false); err != nil {
			return "", err
		}
		d.note(t.target(), diffTokens(nil, t), "")
		return t.ID, nil
	})
	if err != nil {
		return Record{}, Secret{}, err
	}
	return record, secret, nil
}

// UpdateToken changes the token with this id or key, if it is at ifVersion or
// that is 0; otherwise the error is ErrConflict. A patch that changes nothing
// is no edit.
func (s *Service) UpdateToken(ctx context.Context, a Actor, ref string, ifVersion uint64, p TokenPatch) (Record, error) {
	return s.edit(ctx, a, ActionTokenUpdate, func(d *draft) (string, error) {
		before, err := d.findFor(RightChangeToken, ref, ifVersion)
		if err != nil {
			return "", err
		}
		after := *before
		if err := d.patch(&after, p); err != nil {
			return "", err
		}
		if !before.IsActive && after.IsActive {
			if err := d.checkEnabling(&after); err != nil {
				return "", err
			}
		}
		return before.ID, d.replace(before, &after, false, "")
	})
}

// RotateToken gives a token a new secret and returns the only copy of it. The
// old secret works on for the grace. A rotation before the last one's grace is
// over ends that grace.
func (s *Service) RotateToken(ctx context.Context, a Actor, ref string, ifVersion uint64, o RotateOptions) (Record, Secret, error) {
	secret := NewSecret()
	record, err := s.edit(ctx, a, ActionTokenRotate, func(d *draft) (string, error) {
		before, err := d.findFor(RightChangeToken, ref, ifVersion)
		if err != nil {
			return "", err
		}
		if o.Grace < 0 || o.Grace > MaxGrace {
			return "", fieldError("grace", "must be between 0 and %s", formatDuration(MaxGrace))
		}
		after := *before
		err = d.patch(&after, TokenPatch{ExpiresIn: o.ExpiresIn, ExpiresAt: o.ExpiresAt, NeverExpires: o.NeverExpires})
		if err != nil {
			return "", err
		}
		if after.expired(d.now) {
			return "", &StateError{StateExpired, "the token has expired: give it a new expiry with the rotation"}
		}
		old := before.Credential
		until := d.later(before.UpdatedAt).Add(o.Grace)
		old.ValidUntil = &until
		after.Previous = &old
		after.Credential = NewCredential(secret)
		return before.ID, d.replace(before, &after, false, "")
	})
	if err != nil {
		return Record{}, Secret{}, err
	}
	return record, secret, nil
}

// FinishRotation ends the grace of the old secret now. It is a StateError if
// the token was never rotated, and no edit if the grace is over.
func (s *Service) FinishRotation(ctx context.Context, a Actor, ref string, ifVersion uint64) (Record, error) {
	return s.edit(ctx, a, ActionTokenRotateFinish, func(d *draft) (string, error) {
		before, err := d.findFor(RightChangeToken, ref, ifVersion)
		if err != nil {
			return "", err
		}
		if before.Previous == nil {
			return "", &StateError{StateNoRotation, "the token has not been rotated: there is no old secret to end"}
		}
		if !d.now.Before(*before.Previous.ValidUntil) {
			return before.ID, nil
		}
		after := *before
		old := *before.Previous
		until := d.later(before.UpdatedAt)
		old.ValidUntil = &until
		after.Previous = &old
		return before.ID, d.replace(before, &after, false, "")
	})
}

// SetActive enables or disables a token; of one that is so already it changes
// nothing. Enabling one that has expired is a StateError.
func (s *Service) SetActive(ctx context.Context, a Actor, ref string, ifVersion uint64, active bool, reason string) (Record, error) {
	action := ActionTokenDisable
	if active {
		action = ActionTokenEnable
	}
	return s.edit(ctx, a, action, func(d *draft) (string, error) {
		before, err := d.findFor(RightChangeToken, ref, ifVersion)
		if err != nil {
			return "", err
		}
		reason, err := cleanReason(reason)
		if err != nil {
			return "", err
		}
		after := *before
		after.IsActive = active
		if active {
			if err := d.checkEnabling(&after); err != nil {
				return "", err
			}
		}
		return before.ID, d.replace(before, &after, !active, reason)
	})
}

// DeleteToken deletes a token for good. Its audit entries stay.
func (s *Service) DeleteToken(ctx context.Context, a Actor, ref string, ifVersion uint64) error {
	_, err := s.edit(ctx, a, ActionTokenDelete, func(d *draft) (string, error) {
		before, err := d.findFor(RightDeleteToken, ref, ifVersion)
		if err != nil {
			return "", err
		}
		if err := d.put(before, nil, true); err != nil {
			return "", err
		}
		d.note(before.target(), diffTokens(before, nil), "")
		return "", nil
	})
	return err
}

// findFor is find for an actor who must have right. The right comes first:
// without it nobody learns which tokens there are.
func (d *draft) findFor(right, ref string, ifVersion uint64) (*Token, error) {
	t, err := d.find(ref, ifVersion)
	if missing := d.require(right); missing != nil {
		return nil, missing
	}
	return t, err
}

// replace adds to the change that before becomes after, with its audit entry,
// unless they are the same.
func (d *draft) replace(before, after *Token, weakening bool, reason string) error {
	changes := diffTokens(before, after)
	if len(changes) == 0 {
		return nil
	}
	if err := d.put(before, after, weakening); err != nil {
		return err
	}
	d.note(after.target(), changes, reason)
	return nil
}

// checkEnabling refuses to enable a token that would still not work.
func (d *draft) checkEnabling(t *Token) error {
	if t.expired(d.now) {
		return &StateError{StateExpired, "the token has expired: give it a new expiry first"}
	}
	return nil
}

// expired reports whether t's time is over at now.
func (t *Token) expired(now time.Time) bool {
	return t.ExpiresAt != nil && !now.Before(*t.ExpiresAt)
}

// patch applies p to t, which nobody else has yet.
func (d *draft) patch(t *Token, p TokenPatch) error {
	var err error
	if p.Name != nil {
		if t.Name, err = cleanName("name", *p.Name); err != nil {
			return err
		}
		if err := d.checkName(t.Name, t); err != nil {
			return err
		}
	}
	if p.Description != nil {
		if t.Description, err = cleanText("description", *p.Description, maxDescription, "\n\r\t"); err != nil {
			return err
		}
	}
	if p.User != nil {
		if t.User, err = cleanLine("user", *p.User, maxName); err != nil {
			return err
		}
	}
	if p.IsActive != nil {
		t.IsActive = *p.IsActive
	}
	if end := (expiry{p.ExpiresIn, p.ExpiresAt, p.NeverExpires}); end.given() {
		if t.ExpiresAt, err = d.expiry(end); err != nil {
			return err
		}
	}
	return d.patchLists(t, p)
}

// patchLists is patch of what is a list, and of the rate limit.
func (d *draft) patchLists(t *Token, p TokenPatch) error {
	var err error
	if p.Groups != nil {
		if t.Groups, err = d.cleanGroups(*p.Groups); err != nil {
			return err
		}
	}
	if p.Permissions != nil {
		if t.Permissions, err = cleanPermissions(*p.Permissions); err != nil {
			return err
		}
	}
	if p.AllowedCIDRs != nil {
		if t.AllowedCIDRs, err = cleanCIDRs(*p.AllowedCIDRs); err != nil {
			return err
		}
	}
	if p.Audiences != nil {
		if t.Audiences, err = cleanAudiences(*p.Audiences); err != nil {
			return err
		}
	}
	if p.RateLimit != nil {
		t.RateLimit = ""
		if *p.RateLimit != "" {
			rate, err := ParseRate(*p.RateLimit)
			if err != nil {
				return &FieldError{"rate_limit", err.Error()}
			}
			t.RateLimit = rate.String()
		}
	}
	return nil
}

// cleanReason returns the reason that an actor gives, as it is kept.
func cleanReason(reason string) (string, error) {
	return cleanText("reason", reason, maxReason, "\n\r\t")
}
