# see below
