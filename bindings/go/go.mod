module ringmail.dev/ringmail

go 1.21
