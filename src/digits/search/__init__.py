"""Many experiments at once: sweeps over given values, and searches for better ones. No DVC stage imports this
package."""
