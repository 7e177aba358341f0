"""Go, Java, build programs and cache keys: tools that are found or downloaded, and their versions."""
