package tokenstore

// StopTimer stops the timer that ends x when its time is over.
func (x *Session) StopTimer() {
	x.entry.mu.Lock()
	defer x.entry.mu.Unlock()
	x.entry.timer.Stop()
}
