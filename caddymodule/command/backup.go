package command

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func (c *cli) backupCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "backup <file>",
		Short: "Writes a consistent copy of the token store, while the gateway runs",
		Long: `Writes a copy of the whole token store into a file that only you can read, or to
standard output for "-". It is consistent and can be put in the place of the
database. It holds no secrets, but names, permissions and hashes.`,
		Example: `  caddy mcp-token backup tokens-$(date +%F).db
  caddy mcp-token backup - | gzip > tokens.db.gz`,
		Args: cobra.ExactArgs(1),
		RunE: c.run(func(ctx context.Context, args []string) (err error) {
			api, err := c.connect(ctx, false)
			if err != nil {
				return err
			}
			defer api.close()
			resp, err := api.send(ctx, get("backup"))
			if err != nil {
				return classed(err)
			}
			defer resp.Body.Close()
			if args[0] == "-" {
				_, err = io.Copy(c.stdout, resp.Body)
				return torn(err)
			}
			n, err := writeFile(args[0], resp.Body, force)
			if errors.Is(err, fs.ErrExist) {
				return usagef("%s exists; --force overwrites it", args[0])
			}
			if err != nil {
				return torn(err)
			}
			c.sayf("Wrote %d bytes to %s.", n, args[0])
			return nil
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "Overwrite the file if it exists")
	return cmd
}

// torn says that a backup has not been written whole.
func torn(err error) error {
	if err == nil {
		return nil
	}
	return serverf("The backup is not complete: %v.", err)
}

// writeFile writes r into a file that is there whole or not at all.
func writeFile(path string, r io.Reader, overwrite bool) (n int64, err error) {
	if _, err := os.Lstat(path); err == nil && !overwrite {
		return 0, fs.ErrExist
	}
	partial := path + ".partial"
	f, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			os.Remove(partial)
		}
	}()
	n, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(partial, path)
	}
	return n, err
}
