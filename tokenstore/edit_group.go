package tokenstore

import (
	"context"
	"fmt"
	"slices"
)

// NewGroup is what CreateGroup makes a group of.
type NewGroup struct {
	Name        string
	Description string
	Permissions []string
}

// GroupPatch changes what is not nil. A new name reaches every token that
// holds the group.
type GroupPatch struct {
	Name        *string
	Description *string
	Permissions *[]string
}

// CreateGroup makes a group.
func (s *Service) CreateGroup(ctx context.Context, a Actor, n NewGroup) (GroupRecord, error) {
	return s.editGroup(ctx, a, ActionGroupCreate, func(d *draft) (string, error) {
		d.target = Target{Type: "group", ID: clip(n.Name), Name: clip(n.Name)}
		if err := d.require(RightChangeGroup); err != nil {
			return "", err
		}
		g := &Group{CreatedAt: instant(d.now)}
		err := d.patchGroup(nil, g, GroupPatch{&n.Name, &n.Description, &n.Permissions})
		if err != nil {
			return "", err
		}
		return g.Name, d.putGroup(nil, g)
	})
}

// UpdateGroup changes the group called name, if it is at ifVersion or that is
// 0; otherwise the error is ErrConflict. New permissions count at once for all
// tokens that hold the group.
func (s *Service) UpdateGroup(ctx context.Context, a Actor, name string, ifVersion uint64, p GroupPatch) (GroupRecord, error) {
	return s.editGroup(ctx, a, ActionGroupUpdate, func(d *draft) (string, error) {
		before, err := d.findGroup(name, ifVersion)
		if err != nil {
			return "", err
		}
		after := *before
		if err := d.patchGroup(before, &after, p); err != nil {
			return "", err
		}
		if len(diffGroups(before, &after)) == 0 {
			return name, nil
		}
		return after.Name, d.putGroup(before, &after)
	})
}

// DeleteGroup deletes a group and takes it from its tokens.
func (s *Service) DeleteGroup(ctx context.Context, a Actor, name string, ifVersion uint64) error {
	_, err := s.editGroup(ctx, a, ActionGroupDelete, func(d *draft) (string, error) {
		before, err := d.findGroup(name, ifVersion)
		if err != nil {
			return "", err
		}
		return "", d.putGroup(before, nil)
	})
	return err
}

// editGroup is edit for an f that returns a group's name.
func (s *Service) editGroup(ctx context.Context, a Actor, action Action, f func(*draft) (string, error)) (GroupRecord, error) {
	var record GroupRecord
	s.editMu.Lock()
	defer s.editMu.Unlock()
	d, err := s.begin(ctx, a, action)
	if err != nil {
		return record, err
	}
	name, err := f(d)
	if err != nil {
		return record, d.deny(err)
	}
	if len(d.change.Groups) > 0 {
		if err := s.commit(ctx, d.change); err != nil {
			return record, err
		}
	}
	if g := s.table.groups[name]; g != nil {
		record = s.table.groupRecord(g)
	}
	return record, nil
}

// findGroup returns the group called name for an actor who may change groups.
func (d *draft) findGroup(name string, ifVersion uint64) (*Group, error) {
	d.target = Target{Type: "group", ID: clip(name), Name: clip(name)}
	if err := d.require(RightChangeGroup); err != nil {
		return nil, err
	}
	g := d.group(name)
	switch {
	case g == nil:
		return nil, ErrNotFound
	case ifVersion != 0 && ifVersion != g.Version:
		return nil, ErrConflict
	}
	return g, nil
}

// patchGroup applies p to g, the group that before becomes.
func (d *draft) patchGroup(before, g *Group, p GroupPatch) error {
	var err error
	if p.Name != nil {
		if g.Name, err = cleanName("name", *p.Name); err != nil {
			return err
		}
		folded := FoldName(g.Name)
		for name := range d.s.table.groups {
			if FoldName(name) == folded && (before == nil || name != before.Name) {
				return &NameTakenError{name, name}
			}
		}
	}
	if p.Description != nil {
		if g.Description, err = cleanText("description", *p.Description, maxDescription, "\n\r\t"); err != nil {
			return err
		}
	}
	if p.Permissions != nil {
		if g.Permissions, err = cleanPermissions(*p.Permissions); err != nil {
			return err
		}
	}
	return nil
}

// putGroup adds to the change that before becomes after, and what becomes of
// the tokens that hold it.
func (d *draft) putGroup(before, after *Group) error {
	if err := d.checkGroup(before, after); err != nil {
		return err
	}
	if after != nil {
		after.UpdatedAt = instant(d.now)
		after.Version = 1
		if before != nil {
			after.Version = before.Version + 1
		}
	}
	d.setGroup(before, after)
	if before != nil {
		if err := d.carryMembers(before, after); err != nil {
			return err
		}
	}
	target := before
	if after != nil {
		target = after
	}
	d.note(target.target(), diffGroups(before, after), "")
	return nil
}

// setGroup adds before → after to the change. Renaming is both a deletion and a
// creation.
func (d *draft) setGroup(before, after *Group) {
	if before != nil {
		d.groups[before.Name] = nil
	}
	if after != nil {
		d.groups[after.Name] = after
	}
	if before != nil && after != nil && before.Name != after.Name {
		d.change.Groups = append(d.change.Groups, GroupChange{Before: before}, GroupChange{After: after})
		return
	}
	d.change.Groups = append(d.change.Groups, GroupChange{before, after})
}

// checkGroup sees to it that a token as actor neither puts a management right
// into a group, nor edits a group that holds one, that it lacks itself.
func (d *draft) checkGroup(before, after *Group) error {
	if d.actor.Type != ActorToken {
		return nil
	}
	var held *Grants
	if before != nil {
		held = NewGrants(before.Permissions...)
		if right := d.actor.Grants.MissingRight(held); right != "" {
			return &ForbiddenError{right, fmt.Sprintf("the group %q holds %s, which you lack", before.Name, right)}
		}
	}
	if after != nil {
		return d.checkGranting(held, NewGrants(after.Permissions...))
	}
	return nil
}

// carryMembers brings the tokens that hold before to after: by name, and as to
// whether somebody is left to manage tokens.
func (d *draft) carryMembers(before, after *Group) error {
	renamed := after == nil || after.Name != before.Name
	for e := range d.s.table.members[before.Name] {
		old := e.state.Load().token
		t := *old
		if renamed {
			t.Groups = slices.DeleteFunc(slices.Clone(old.Groups), func(name string) bool { return name == before.Name })
			if after != nil {
				t.Groups = sortedSet(append(t.Groups, after.Name))
			}
		}
		if err := d.checkManagers(old, &t); err != nil {
			return err
		}
		if renamed {
			t.UpdatedAt, t.Version = d.later(old.UpdatedAt), old.Version+1
			d.change.Tokens = append(d.change.Tokens, TokenChange{old, &t})
		}
	}
	return nil
}
